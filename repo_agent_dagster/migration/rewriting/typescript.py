"""Where module specifiers stand in TypeScript and JavaScript: spans from the syntax tree (ast-grep, tree-sitter).

Comments, plain strings and look-alikes (`this.require('./x')`) are not in the tree as imports, so they are not found.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.rewriting.specifiers import Found, Place, Specifier, Unsure

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_LANGUAGES = {
    ".ts": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".tsx": "tsx",
    ".jsx": "javascript",
    ".js": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
}
SUFFIXES = frozenset(_LANGUAGES)
_MOCKS = frozenset(
    {
        "mock", "unmock", "doMock", "dontMock", "doUnmock", "deepUnmock", "setMock", "unstable_mockModule",
        "requireActual", "requireMock", "createMockFromModule", "genMockFromModule", "importActual", "importMock",
    }
)  # fmt: skip
_MAY_MOCK = re.compile(r"\b(?:jest|vi)\b")
_MAY_CALL = re.compile(r"\b(?:require|jest|vi)\b|\bimport\b\s*[(/]")
_CALLEE = r"^(?:import|require|require\s*\.\s*resolve|(?:jest|vi)\b[\s\S]*)$"


def find_specifiers(path: str, text: str) -> Found:
    """Return the specifiers of a ts, tsx, js, jsx, mts, cts, mjs or cjs file, in the order they stand in it."""
    from ast_grep_py import SgRoot  # loaded late: `migrate-staging --help` needs no parser

    language = _LANGUAGES[PurePosixPath(path).suffix.lower()]
    root = SgRoot(text, language).root()
    specifiers: dict[int, Specifier] = {}
    unsure: dict[int, Unsure] = {}
    for node, form in _sources(root, text, typed=language != "javascript"):
        start = node.range().start.index
        found = _read(node, form)
        if isinstance(found, Specifier):
            specifiers[start] = found
        elif found is not None:
            unsure[start] = found
    for error in root.find_all(kind="ERROR"):
        start = error.range().start.index
        unsure.setdefault(
            start,
            Unsure(_short(error.text()), _place(error), "syntax", "the parser does not understand this; look at it"),
        )
    return Found(
        tuple(specifiers[start] for start in sorted(specifiers)), tuple(unsure[start] for start in sorted(unsure))
    )


def _sources(root: "SgNode", text: str, *, typed: bool) -> Iterator[tuple["SgNode", str]]:
    """Yield the nodes that hold a specifier, or stand where one could, with their form."""
    for kind, form in (("import_statement", "import"), ("export_statement", "export-from")):
        for statement in root.find_all(kind=kind):
            if (source := statement.field("source")) is not None:
                yield source, _import_form(statement) if form == "import" else form
    # Most files have none of the rarer forms; a look at the text is much cheaper than a walk of the tree.
    calls = (
        root.find_all(kind="call_expression", has={"field": "function", "regex": _CALLEE})
        if _MAY_CALL.search(text)
        else []
    )
    for call in calls:
        function, arguments = call.field("function"), call.field("arguments")
        if function is None or arguments is None or (called := _call_form(function)) is None:
            continue
        if (argument := _first(arguments)) is not None:
            yield argument, called
    if typed:
        for clause in root.find_all(kind="import_require_clause") if "require" in text else ():
            if (source := clause.field("source") or _child(clause, "string")) is not None:
                yield source, "import-require"
        for module in root.find_all(kind="module") if "declare" in text else ():
            name = module.field("name")
            if name is not None and name.kind() == "string":
                yield name, "declare-module"
        if _MAY_MOCK.search(text):
            yield from _misparsed_mocks(root)


def _misparsed_mocks(root: "SgNode") -> Iterator[tuple["SgNode", str]]:
    """Yield the argument of ``jest.requireActual<typeof import('x')>('x')``, a call that the parser does not see.

    It takes it for two comparisons (tree-sitter-typescript issue 367); every part is there, under other names.
    """
    for comparison in root.find_all(kind="binary_expression", regex=r"^(?:await\s+)?(?:jest|vi)\b"):
        outer = comparison.children()
        if len(outer) != 3 or outer[1].text() != ">" or outer[0].kind() != "binary_expression":
            continue
        inner = outer[0].children()
        if len(inner) != 3 or inner[1].text() != "<":
            continue
        function = inner[0]
        if function.kind() == "await_expression":
            function = function.children()[-1]
        mock = _call_form(function)
        arguments = _leftmost(outer[2], "parenthesized_expression")
        if mock is None or arguments is None:
            continue
        argument = _first(arguments)
        if argument is not None and argument.kind() == "sequence_expression":
            argument = _first(argument)
        if argument is not None:
            yield argument, mock


def _call_form(function: "SgNode") -> str | None:
    kind = function.kind()
    if kind in {"import", "identifier"} and function.text() in {"import", "require"}:
        return "dynamic-import" if function.text() == "import" else "require"
    if kind != "member_expression":
        return None
    owner, member = function.field("object"), function.field("property")
    if owner is None or member is None:
        return None
    if owner.text() == "require" and member.text() == "resolve":
        return "require-resolve"
    if member.text() in _MOCKS and (name := _mock_owner(owner)) is not None:
        return f"{name}.{member.text()}"
    return None


def _mock_owner(owner: "SgNode") -> str | None:
    """Return jest or vi, also at the root of a chain such as ``jest.mock('./a').mock('./b')``."""
    while owner.kind() in {"call_expression", "member_expression"}:
        inner = owner.field("function" if owner.kind() == "call_expression" else "object")
        if inner is None:
            return None
        owner = inner
    return owner.text() if owner.kind() == "identifier" and owner.text() in {"jest", "vi"} else None


def _import_form(statement: "SgNode") -> str:
    if _child(statement, "import_clause") is None:
        return "side-effect-import"
    return "import-type" if re.match(r"import\s+type\b", statement.text()) else "import"


def _read(node: "SgNode", form: str) -> Specifier | Unsure | None:
    kind = node.kind()
    if kind == "string":
        inside = node.text()[1:-1]
        if not inside:
            return None
        if _child(node, "escape_sequence") is not None:
            return Unsure(inside, _place(node), form, "written with escapes; left as it is")
        span = node.range()
        return Specifier(inside, span.start.index + 1, span.end.index - 1, _place(node), form)
    if kind == "template_string":
        return Unsure(_short(node.text()), _place(node), form, "a template literal; left as it is")
    if form in {"dynamic-import", "require", "require-resolve"}:
        return Unsure(_short(node.text()), _place(node), form, "computed when it runs; left as it is")
    return None  # vi.mock(import('./x')): the import inside is found by itself


def _first(node: "SgNode") -> "SgNode | None":
    return next((child for child in node.children() if child.is_named() and child.kind() != "comment"), None)


def _child(node: "SgNode", kind: str) -> "SgNode | None":
    return next((child for child in node.children() if child.kind() == kind), None)


def _leftmost(node: "SgNode", kind: str) -> "SgNode | None":
    while node.kind() != kind:
        children = node.children()
        if not children:
            return None
        node = children[0]
    return node


def _place(node: "SgNode") -> Place:
    start = node.range().start
    return Place(start.line + 1, start.column + 1)


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 80 else one_line[:79] + "…"
