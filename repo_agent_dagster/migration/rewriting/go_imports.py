"""Where Go names packages: import specs by the syntax tree, and the lines of go.mod and go.work by their grammar."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.rewriting.resolve import Unresolvable
from repo_agent_dagster.migration.rewriting.specifiers import Edit, Found, Place, Specifier, Unsure

SUFFIXES = frozenset({".go"})
MODULE_FILES = frozenset({"go.mod", "go.work"})
if TYPE_CHECKING:
    from ast_grep_py import SgNode

RULED_FORMS = frozenset({"import", "import-as", "module"})
"""What import rules change; the other lines of go.mod follow what the rules make of their module."""
_LINE = re.compile(r"(?P<body>(?:[^/\n\r]|/(?!/))*)(?://[^\n\r]*)?\r?\n?")
_EMBED = re.compile(r"//go:embed[ \t]+(?P<patterns>[^\r\n]*)")
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`\n]*`|=>|[()]|[^\s()]+')
_NO_PATH = re.compile(r"[\s!\"#$%&'()*,:;<=>?\[\\\]^`{|}]")
_VERSIONED = re.compile(r"/v\d+$|\.v\d+$")


@dataclass(frozen=True, kw_only=True)
class GoImport(Specifier):
    """An import spec; `quote` is what its path stands in, `binds` the name that the file uses it by, if it has none."""

    quote: str


@dataclass(frozen=True)
class ModuleToken:
    """One word of a go.mod line; start and end are characters of the text, without quotes."""

    text: str
    start: int
    end: int


def find_specifiers(path: str, text: str) -> Found:
    """Return the import paths of a Go file, or the modules and local folders that a go.mod or go.work names."""
    if posixpath.basename(path) in MODULE_FILES:
        return Found(tuple(_module_lines(text)))
    if "import" not in text:
        return Found()
    from ast_grep_py import SgRoot  # loaded late: `migrate-staging --help` needs no parser

    root = SgRoot(text, "go").root()
    specifiers: list[Specifier] = []
    for spec in root.find_all(kind="import_spec"):
        literal = spec.field("path")
        if literal is None or len(literal.text()) < 3:
            continue
        span, name = literal.range(), spec.field("name")
        inside = literal.text()[1:-1]
        place = Place(span.start.line + 1, span.start.column + 1)
        specifiers.append(
            GoImport(
                inside,
                span.start.index + 1,
                span.end.index - 1,
                place,
                "import" if name is None else "import-as",
                binds=_bound_name(inside, text) if name is None else None,
                quote=literal.text()[0],
            )
        )
    if "go:embed" in text:
        specifiers += _embedded(root, text)
    unsure = tuple(
        Unsure(
            " ".join(error.text().split())[:80],
            Place(error.range().start.line + 1, error.range().start.column + 1),
            "syntax",
            "the parser does not understand this; look at it",
        )
        for error in root.find_all(kind="ERROR")
    )
    return Found(tuple(specifiers), unsure)


def _embedded(root: "SgNode", text: str) -> Iterator[Specifier]:
    """Yield the patterns of ``//go:embed`` comments, without ``all:``."""
    for comment in root.find_all(kind="comment"):
        start = comment.range().start
        directive = _EMBED.match(text, start.index)
        if directive is None:
            continue
        for word in _TOKEN.finditer(text, *directive.span("patterns")):
            quoted = word[0][0] in {'"', "`"}
            pattern = word[0][1:-1] if quoted else word[0]
            begin = word.start() + quoted + (4 if pattern.startswith("all:") else 0)
            place = Place(start.line + 1, start.column + 1 + begin - start.index)
            yield Specifier(pattern.removeprefix("all:"), begin, word.end() - quoted, place, "embed")


def edit(specifier: Specifier, new: str, *, by_rule: bool) -> Edit | Unresolvable:
    """Return the edit that makes it name another package; the name that the file uses goes on being bound.

    A package that only moved keeps its name; a rule may name another one, whose name its path suggests.
    """
    if specifier.form == "embed":
        return Edit(specifier.start, specifier.end, new)
    if _NO_PATH.search(new):
        return Unresolvable(f"would become {new!r}, which is no import path")
    if not (isinstance(specifier, GoImport) and specifier.binds and by_rule) or _last(new) == specifier.binds:
        return Edit(specifier.start, specifier.end, new)
    return Edit(specifier.start - 1, specifier.end, f"{specifier.binds} {specifier.quote}{new}")


def module_path(go_mod: str) -> str | None:
    """Return the path that a go.mod's module line declares."""
    return next((found.text for found in _module_lines(go_mod) if found.form == "module"), None)


def _bound_name(path: str, text: str) -> str | None:
    """Return the name that an import without one most likely binds, if the file uses it; else None."""
    name = _last(path)
    return name if name.isidentifier() and re.search(rf"\b{name}\s*\.", text) else None


def _last(path: str) -> str:
    return posixpath.basename(_VERSIONED.sub("", path))


def _module_lines(text: str) -> Iterator[Specifier]:
    """Yield module, require, exclude and retracted lines' modules, and the local folders of replace and use."""
    block: str | None = None
    for number, tokens in _lines(text):
        words = [token.text for token in tokens]
        if block is not None and words[:1] == [")"]:
            block = None
            continue
        if block is None and words[1:2] == ["("]:
            block = words[0]
            continue
        verb, arguments = (block, tokens) if block is not None else (words[0], tokens[1:])
        line_start = text.rfind("\n", 0, tokens[0].start) + 1
        for token, form in _arguments(verb, arguments):
            yield Specifier(token.text, token.start, token.end, Place(number, token.start - line_start + 1), form)


def _arguments(verb: str, tokens: list[ModuleToken]) -> Iterator[tuple[ModuleToken, str]]:
    if not tokens:
        return
    if verb in {"module", "require", "exclude", "tool"}:
        yield tokens[0], verb
    elif verb == "use":
        yield tokens[0], "use"
    elif verb == "replace":
        arrow = next((index for index, token in enumerate(tokens) if token.text == "=>"), None)
        if arrow is None or arrow + 1 >= len(tokens):
            return
        yield tokens[0], "replace"
        target = tokens[arrow + 1]
        is_local = target.text.startswith(("./", "../", "/")) or target.text in {".", ".."}
        yield target, "replace-folder" if is_local else "replace-by"


def _lines(text: str) -> Iterator[tuple[int, list[ModuleToken]]]:
    """Yield the number and the words of each line that has some; comments are left out."""
    position = number = 0
    while position < len(text):
        match = _LINE.match(text, position)
        if match is None or match.end() == position:
            return
        number += 1
        tokens = []
        for word in _TOKEN.finditer(text, position, match.end("body")):
            quoted = word[0][0] in {'"', "`"}
            tokens.append(ModuleToken(word[0][1:-1] if quoted else word[0], word.start() + quoted, word.end() - quoted))
        if tokens:
            yield number, tokens
        position = match.end()
