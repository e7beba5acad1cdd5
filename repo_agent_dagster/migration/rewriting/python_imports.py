"""Where module names stand in Python: import statements, and strings that name a module to import or to patch.

Statements come from `ast`, the spans in them from `tokenize`.
"""

import ast
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from repo_agent_dagster.migration.rewriting.resolve import Unresolvable
from repo_agent_dagster.migration.rewriting.rules import ImportRules, Ruled
from repo_agent_dagster.migration.rewriting.specifiers import Edit, Found, Place, Specifier, Unsure

SUFFIXES = frozenset({".py", ".pyi"})
STRING_FORMS = frozenset({"import_module", "__import__", "patch", "setattr"})
_MAY_NAME_A_MODULE = re.compile(r"import|\bpatch\b|\bsetattr\b")
_MAY_NAME_IN_A_STRING = re.compile(r"\b(?:import_module|__import__|patch|setattr)\b")
_MODULE = re.compile(r"\.*[^\W\d]\w*(?:\.[^\W\d]\w*)*|\.+")
_STRING = re.compile(r"[rRuU]?('''|\"\"\"|'|\")(?P<inside>[^\\\n]*)\1")
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where a statement holds others."""
_Token = tokenize.TokenInfo


def find_specifiers(path: str, text: str) -> Found:
    """Return the module names of ``import M``, ``import M as x`` and ``from M import …``, wherever they stand.

    A relative name keeps its dots: ``from ..a import b`` gives ``..a`` and the names ``b``. The literal strings of
    ``importlib.import_module``, ``__import__``, ``mock.patch`` and ``monkeypatch.setattr`` are found too.
    """
    if _MAY_NAME_A_MODULE.search(text) is None:
        return Found()
    try:
        tree = ast.parse(text, filename=path)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        return Found(unsure=(Unsure(path, Place(line, 1), "syntax", f"not Python that this version reads: {error}"),))
    statements = _Statements(text)
    in_strings = _MAY_NAME_IN_A_STRING.search(text) is not None
    found: list[Specifier] = []
    for node in ast.walk(tree) if in_strings else _statements_of(tree):
        if isinstance(node, ast.Import):
            found += statements.plain(node)
        elif isinstance(node, ast.ImportFrom):
            found.append(statements.from_(node))
        elif isinstance(node, ast.Call):
            found += statements.named(node)
    return Found(tuple(sorted(found, key=lambda specifier: specifier.start)))


def apply_rules(rules: ImportRules, specifier: Specifier) -> Ruled | None:
    """Return what the import rules make of a module's name; in ``patch("a.b.c")`` they may match ``a.b`` too."""
    name, rest = specifier.text, ""
    while name:
        ruled = rules.apply(name, "py")
        if ruled is not None or specifier.form not in {"patch", "setattr"}:
            return None if ruled is None else Ruled(ruled.text + rest, ruled.rule)
        name, dot, last = name.rpartition(".")
        rest = dot + last + rest
    return None


def edit(specifier: Specifier, new: str) -> Edit | Unresolvable:
    """Return the edit that makes a statement name another module; ``import utils`` must go on binding ``utils``."""
    if _MODULE.fullmatch(new) is None:
        return Unresolvable(f"would become {new!r}, which is no module name")
    if new.startswith(".") and specifier.form != "from":
        return Unresolvable(f"would become {new!r}; only `from … import` can be relative")
    if specifier.form == "import" and specifier.binds is not None:
        if "." in specifier.binds:
            reason = f"`import {specifier.binds}` is used by its full name; change it and its uses to {new} by hand"
            return Unresolvable(reason)
        new = f"{new} as {specifier.binds}"
    return Edit(specifier.start, specifier.end, new)


def _statements_of(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield all statements without the expressions in them, which are most of a tree and hold no import."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        for block in _BLOCKS:
            pending += getattr(node, block, ())


class _Statements:
    """A file's text, by the positions that `ast` gives: lines from 1, columns in bytes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = io.StringIO(text, newline="").readlines()
        self._line_starts = [0, *accumulate(len(line) for line in self._lines)]

    def plain(self, node: ast.Import) -> Iterator[Specifier]:
        """Yield one specifier for each name of ``import a, b.c as d``."""
        start, tokens = self._tokens(node)
        position = 1
        for alias in node.names:
            after = _dotted(tokens, position)
            aliased = alias.asname is not None
            form = "import-as" if aliased else "import"
            yield self._specifier(start, tokens[position:after], form, binds=None if aliased else alias.name)
            position = after + (2 if aliased else 0) + 1

    def from_(self, node: ast.ImportFrom) -> Specifier:
        """Return the specifier of ``from ..a import b``."""
        start, tokens = self._tokens(node)
        names = tuple(alias.name for alias in node.names)
        return self._specifier(start, tokens[1 : _dotted(tokens, 1)], "from", names=names)

    def named(self, node: ast.Call) -> Iterator[Specifier]:
        """Yield the module that a call such as ``import_module("a.b")`` names in a plain string."""
        form = _string_form(node.func)
        first = node.args[0] if node.args else None
        if form is None or not isinstance(first, ast.Constant) or not isinstance(first.value, str):
            return
        start = self._offset(first.lineno, first.col_offset)
        match = _STRING.fullmatch(self._text, start, self._offset(first.end_lineno, first.end_col_offset))
        if match is None or not first.value or (form == "setattr" and "." not in first.value):
            return
        begin, end = match.span("inside")
        yield Specifier(match["inside"], begin, end, self._place(begin), form)

    def _tokens(self, node: ast.stmt) -> tuple[int, Sequence[_Token]]:
        """Return where a statement begins, and its tokens, placed relative to that."""
        start = self._offset(node.lineno, node.col_offset)
        statement = self._text[start : self._offset(node.end_lineno, node.end_col_offset)]
        tokens = tokenize.generate_tokens(io.StringIO(statement, newline="").readline)
        return start, [token for token in tokens if token.type not in {tokenize.COMMENT, tokenize.NL}]

    def _specifier(
        self,
        start: int,
        tokens: Sequence[_Token],
        form: str,
        *,
        names: tuple[str, ...] = (),
        binds: str | None = None,
    ) -> Specifier:
        begin, end = self._moved(start, tokens[0].start), self._moved(start, tokens[-1].end)
        text = "".join(token.string for token in tokens)
        return Specifier(text, begin, end, self._place(begin), form, names, binds)

    def _moved(self, start: int, position: tuple[int, int]) -> int:
        """Return the offset in the file of a position in a statement that begins at `start`."""
        line, column = position
        if line == 1:
            return start + column
        return self._line_starts[self._place(start).line + line - 2] + column

    def _offset(self, line: int | None, byte_column: int | None) -> int:
        text = self._lines[(line or 1) - 1]
        column = byte_column or 0
        if not text.isascii():
            column = len(text.encode()[:column].decode())
        return self._line_starts[(line or 1) - 1] + column

    def _place(self, offset: int) -> Place:
        line = bisect_right(self._line_starts, offset)
        return Place(line, offset - self._line_starts[line - 1] + 1)


def _dotted(tokens: Sequence[_Token], position: int) -> int:
    """Return the position after the dotted name that begins at one."""
    end = position
    while tokens[end].string in {".", "..."} or (
        tokens[end].type == tokenize.NAME
        and tokens[end].string not in {"import", "as"}
        and (end == position or tokens[end - 1].string in {".", "..."})
    ):
        end += 1
    return end


def _string_form(function: ast.expr) -> str | None:
    """Return the form of a call whose first argument names a module, or what is in one."""
    if isinstance(function, ast.Name):
        return function.id if function.id in {"import_module", "__import__", "patch"} else None
    if not isinstance(function, ast.Attribute):
        return None
    owner = ast.unparse(function.value) if isinstance(function.value, ast.Name | ast.Attribute) else ""
    if function.attr == "import_module" and owner == "importlib":
        return "import_module"
    if function.attr == "setattr" and owner == "monkeypatch":
        return "setattr"
    if function.attr == "patch" and owner.rpartition(".")[2] in {"mock", "mocker"}:
        return "patch"
    if function.attr in {"dict", "multiple"} and owner.rpartition(".")[2] == "patch":
        return "patch"
    return None
