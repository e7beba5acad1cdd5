"""Where module names stand in Python's import statements: statements from `ast`, spans from `tokenize`."""

import ast
import io
import tokenize
from collections.abc import Sequence
from itertools import accumulate

from repo_agent_dagster.migration.rewriting.specifiers import Found, Place, Specifier, Unsure

SUFFIXES = frozenset({".py", ".pyi"})
_Token = tokenize.TokenInfo


def find_specifiers(path: str, text: str) -> Found:
    """Return the module names of ``import M``, ``import M as x`` and ``from M import …``, wherever they stand.

    A relative name keeps its dots: ``from ..a import b`` gives ``..a`` and the names ``b``.
    """
    try:
        tree = ast.parse(text, filename=path)
        tokens = list(tokenize.generate_tokens(io.StringIO(text, newline="").readline))
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        return Found(unsure=(Unsure(path, Place(line, 1), "syntax", f"not Python that this version reads: {error}"),))
    statements = _Statements(text, tokens)
    found: list[Specifier] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += statements.plain(node)
        elif isinstance(node, ast.ImportFrom):
            found.append(statements.from_(node))
    return Found(tuple(sorted(found, key=lambda specifier: specifier.start)))


class _Statements:
    """The tokens of a file, found by where a statement begins."""

    def __init__(self, text: str, tokens: Sequence[_Token]) -> None:
        self._lines = io.StringIO(text, newline="").readlines()
        self._line_starts = [0, *accumulate(len(line) for line in self._lines)]
        self._tokens = [t for t in tokens if t.type not in {tokenize.COMMENT, tokenize.NL}]
        self._index = {token.start: number for number, token in enumerate(self._tokens)}

    def plain(self, node: ast.Import) -> list[Specifier]:
        """Return one specifier for each name of ``import a, b.c as d``."""
        position = self._first(node) + 1
        found = []
        for alias in node.names:
            first, after = self._dotted(position)
            aliased = alias.asname is not None
            form = "import-as" if aliased else "import"
            found.append(self._specifier(first, after, form, binds=None if aliased else alias.name))
            position = after + (2 if aliased else 0) + 1
        return found

    def from_(self, node: ast.ImportFrom) -> Specifier:
        """Return the specifier of ``from ..a import b``."""
        first, after = self._dotted(self._first(node) + 1)
        return self._specifier(first, after, "from", names=tuple(alias.name for alias in node.names))

    def _first(self, node: ast.stmt) -> int:
        line = self._lines[node.lineno - 1].encode()  # ast counts bytes, tokenize characters
        return self._index[(node.lineno, len(line[: node.col_offset].decode()))]

    def _dotted(self, position: int) -> tuple[int, int]:
        """Return the first token of a dotted name and the one after its last."""
        end = position
        while self._tokens[end].string in {".", "..."} or (
            self._tokens[end].type == tokenize.NAME
            and self._tokens[end].string not in {"import", "as"}
            and (end == position or self._tokens[end - 1].string in {".", "..."})
        ):
            end += 1
        return position, end

    def _specifier(
        self, first: int, after: int, form: str, *, names: tuple[str, ...] = (), binds: str | None = None
    ) -> Specifier:
        start, end = self._tokens[first].start, self._tokens[after - 1].end
        text = "".join(token.string for token in self._tokens[first:after])
        return Specifier(
            text, self._offset(start), self._offset(end), Place(start[0], start[1] + 1), form, names, binds
        )

    def _offset(self, position: tuple[int, int]) -> int:
        return self._line_starts[position[0] - 1] + position[1]
