"""Triple-slash references: ``/// <reference path="./x.d.ts" />`` in the comments before a file's first statement."""

import re

from repo_agent_dagster.migration.rewriting.specifiers import Place, Specifier

_COMMENT = re.compile(r"\s*(?:(//[^\r\n\u2028\u2029]*)|/\*.*?\*/)", re.DOTALL)
_SHEBANG = re.compile(r"#!.*")
_TAG = re.compile(r"///\s*<reference\s.*?/>")
_ATTRIBUTE = re.compile(r"\s(types|path|lib|no-default-lib)\s*=\s*(?:'([^']*)'|\"([^\"]*)\")")


def find_references(text: str) -> tuple[Specifier, ...]:
    """Return the files and the type packages that a file refers to, in the order they stand in it.

    A tag names one of them: of several attributes TypeScript reads ``types`` before ``lib`` and ``path``.
    """
    if "<reference" not in text:
        return ()
    found: list[Specifier] = []
    shebang = _SHEBANG.match(text)
    position = shebang.end() if shebang else 0
    while (comment := _COMMENT.match(text, position)) is not None:
        position = comment.end()
        if comment[1] is not None and (tag := _TAG.match(text, comment.start(1), comment.end(1))) is not None:
            reference = _reference(text, tag.start(), tag.end())
            if reference is not None:
                found.append(reference)
    return tuple(found)


def _reference(text: str, start: int, end: int) -> Specifier | None:
    attributes = {attribute[1]: attribute for attribute in _ATTRIBUTE.finditer(text, start, end)}
    named = next((name for name in ("no-default-lib", "types", "lib", "path") if name in attributes), None)
    if named not in {"types", "path"}:
        return None
    attribute = attributes[named]
    group = 2 if attribute[2] is not None else 3
    if not attribute[group]:
        return None
    first, last = attribute.span(group)
    line_start = text.rfind("\n", 0, first) + 1
    place = Place(text.count("\n", 0, first) + 1, first - line_start)
    return Specifier(attribute[group], first, last, place, f"reference-{named}")
