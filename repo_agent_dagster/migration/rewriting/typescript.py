"""Where module specifiers stand in TypeScript and JavaScript: spans from the syntax tree (ast-grep, tree-sitter).

Comments, plain strings and look-alikes (`this.require('./x')`) are not in the tree as imports, so they are not found.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.rewriting.specifiers import Found, Place, Specifier, Unsure
from repo_agent_dagster.migration.rewriting.typescript_calls import call_form, first_inside
from repo_agent_dagster.migration.rewriting.typescript_candidates import head_end, may_hold_specifier
from repo_agent_dagster.migration.rewriting.typescript_reasons import (
    COMPUTED,
    ESCAPES,
    MOST_CHARACTERS,
    MOST_ERRORS,
    TEMPLATE,
    not_understood,
    short,
    too_long,
)
from repo_agent_dagster.migration.rewriting.typescript_references import find_references

if TYPE_CHECKING:
    from ast_grep_py import Rule, SgNode

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
COMPUTED_FORMS = frozenset({"dynamic-import", "require", "require-resolve", "import-meta-resolve"})
"""Forms whose argument is a specifier whatever it is: one that is no literal is listed."""

_STATEMENTS: tuple["Rule", ...] = ({"kind": "import_statement"}, {"kind": "export_statement"}, {"kind": "ERROR"})
_CALLED = re.compile(r"(?:import|require|jest|vi)\b")
_IMPORT_TYPE = re.compile(r"import\s+type\b(?!\s*,|\s+from\s*[\"'])")
_GENERIC_MOCK = re.compile(r"\b(?:jest|vi)\b[\s\w.()]*<")
_IMPORT_META_URL = re.compile(r"import\s*\.\s*meta\s*\.\s*url")
_EXPORTED_REQUIRE = re.compile(r"export\s+import\b[^;]*\brequire\b")
_IMPORT_CALL = re.compile(r"import\s*[(/.]")


class AstGrepReader:
    """Reads specifiers with ast-grep, in this process: the reader that is always there.

    What its grammar does not understand is listed as unsure; one of its faults is known and mended
    (tree-sitter-typescript issue 367, see `_misparsed_mocks`).
    """

    def read(self, files: Mapping[str, str]) -> Mapping[str, Found]:
        """Return what each file holds; paths tell the language by their ending, texts are without BOM."""
        return {path: find_specifiers(path, text) for path, text in files.items()}


def find_specifiers(path: str, text: str) -> Found:
    """Return the specifiers of a ts, tsx, js, jsx, mts, cts, mjs or cjs file, in the order they stand in it.

    Only the part of the text up to the last word that can stand before a specifier is parsed, if it parses by itself.
    """
    if not may_hold_specifier(text):
        return Found()
    language = _LANGUAGES[posixpath.splitext(path)[1].lower()]
    end = head_end(text)
    if end > MOST_CHARACTERS:
        return too_long(path, text)
    found = _parsed(text[:end], language)
    if end < len(text) and any(unsure.form == "syntax" for unsure in found.unsure):
        # The cut, perhaps, went through a comment, a template or JSX text.
        found = _parsed(text, language) if len(text) <= MOST_CHARACTERS else too_long(path, text)
    references = find_references(text)
    return Found((*references, *found.specifiers), found.unsure) if references else found


def _parsed(text: str, language: str) -> Found:
    from ast_grep_py import SgRoot  # loaded late: `migrate-staging --help` needs no parser

    specifiers: dict[int, Specifier] = {}
    unsure: dict[int, Unsure] = {}
    errors: list[SgNode] = []
    for node, form in _sources(SgRoot(text, language).root(), text, typed=language != "javascript"):
        if form == "syntax":
            errors.append(node)
            continue
        found = _read(node, form)
        if isinstance(found, Specifier):
            specifiers[found.start] = found
        elif found is not None:
            unsure.setdefault(node.range().start.index, found)
    for error in errors[:MOST_ERRORS]:
        listed = Unsure(short(error.text()), _place(error), "syntax", not_understood(len(errors)))
        unsure.setdefault(error.range().start.index, listed)
    return Found(
        tuple(specifiers[start] for start in sorted(specifiers)), tuple(unsure[start] for start in sorted(unsure))
    )


def _sources(root: "SgNode", text: str, *, typed: bool) -> Iterator[tuple["SgNode", str]]:
    """Yield the nodes that hold a specifier, or stand where one could, with their form.

    The tree is walked once; kinds that cannot hold a specifier in this text are not asked for.
    """
    mocks = "jest" in text or "vi" in text
    required = "require" in text
    asked = {
        "call_expression": mocks or required or _IMPORT_CALL.search(text),
        "new_expression": "URL" in text and "meta" in text,
        "module": typed and "module" in text,
        "binary_expression": typed and mocks and "<" in text and _GENERIC_MOCK.search(text),
        "import_alias": typed and required and _EXPORTED_REQUIRE.search(text),
    }
    kinds: list[Rule] = [*_STATEMENTS]
    kinds += [{"kind": kind} for kind, wanted in asked.items() if wanted]
    for node in root.find_all(any=kinds):
        yield from _SOURCES[node.kind()](node, text)


def _of_error(error: "SgNode", _: str) -> Iterator[tuple["SgNode", str]]:
    yield error, "syntax"


def _of_import(statement: "SgNode", text: str) -> Iterator[tuple["SgNode", str]]:
    source = statement.field("source")
    if source is not None:
        named = _second(statement).kind() != "string"
        typed = named and _IMPORT_TYPE.match(text, statement.range().start.index)
        yield source, "import-type" if typed else "import" if named else "side-effect-import"
        return
    clause = _child(statement, "import_require_clause")
    if clause is not None and (literal := clause.field("source") or _child(clause, "string")) is not None:
        yield literal, "import-require"


def _of_export(statement: "SgNode", _: str) -> Iterator[tuple["SgNode", str]]:
    if (source := statement.field("source")) is not None:
        yield source, "export-from"


def _of_call(call: "SgNode", text: str) -> Iterator[tuple["SgNode", str]]:
    if _CALLED.match(text, call.range().start.index) is None:
        return
    function, arguments = call.field("function"), call.field("arguments")
    if function is None or arguments is None or arguments.kind() == "template_string":
        return
    if (form := call_form(function)) is None:
        return
    argument = first_inside(arguments)
    if argument is not None and argument.kind() == "array" and form == "import-meta-glob":
        yield from ((pattern, form) for pattern in argument.children() if pattern.is_named())
    elif argument is not None:
        yield argument, form


def _of_new(expression: "SgNode", _: str) -> Iterator[tuple["SgNode", str]]:
    """Yield the path of ``new URL('./x', import.meta.url)``."""
    made, arguments = expression.field("constructor"), expression.field("arguments")
    if made is None or arguments is None or made.text() != "URL":
        return
    given = [child for child in arguments.children() if child.is_named() and child.kind() != "comment"]
    if len(given) == 2 and _IMPORT_META_URL.fullmatch(given[1].text()):
        yield given[0], "url"


def _of_module(module: "SgNode", _: str) -> Iterator[tuple["SgNode", str]]:
    name = module.field("name")
    if name is not None and name.kind() == "string":
        yield name, "declare-module"


def _of_alias(alias: "SgNode", _: str) -> Iterator[tuple["SgNode", str]]:
    """Yield the specifier of ``export import a = require('x')``, which the grammar takes for two statements."""
    exported, children = alias.parent(), alias.children()
    if exported is None or not any(child.text() == "require" for child in children[-2:]):
        return
    following = exported.next()
    if following is not None and (arguments := _leftmost(following, "parenthesized_expression")) is not None:
        argument = first_inside(arguments)
        if argument is not None:
            yield argument, "import-require"


def _misparsed_mocks(comparison: "SgNode", text: str) -> Iterator[tuple["SgNode", str]]:
    """Yield the argument of ``jest.requireActual<typeof import('x')>('x')``, a call that the parser does not see.

    It takes it for two comparisons (tree-sitter-typescript issue 367); every part is there, under other names.
    """
    outer = comparison.children()
    if len(outer) != 3 or outer[1].text() != ">" or outer[0].kind() != "binary_expression":
        return
    inner = outer[0].children()
    if len(inner) != 3 or inner[1].text() != "<":
        return
    function = inner[0]
    if function.kind() == "await_expression":
        function = function.children()[-1]
    mock = call_form(function)
    arguments = _leftmost(outer[2], "parenthesized_expression")
    if mock is None or arguments is None:
        return
    argument = first_inside(arguments)
    if argument is not None and argument.kind() == "sequence_expression":
        argument = first_inside(argument)
    if argument is not None:
        yield argument, mock


_SOURCES = {
    "ERROR": _of_error,
    "import_statement": _of_import,
    "export_statement": _of_export,
    "call_expression": _of_call,
    "new_expression": _of_new,
    "module": _of_module,
    "binary_expression": _misparsed_mocks,
    "import_alias": _of_alias,
}


def _read(node: "SgNode", form: str) -> Specifier | Unsure | None:
    kind = node.kind()
    if kind in {"string", "template_string"}:
        literal = node.text()
        inside = literal[1:-1]
        if kind == "template_string" and _child(node, "template_substitution") is not None:
            return Unsure(short(literal), _place(node), form, TEMPLATE)
        if "\\" in inside:
            return Unsure(inside, _place(node), form, ESCAPES)
        if not inside:
            return None
        span = node.range()
        place = Place(span.start.line + 1, span.start.column + 1)
        return Specifier(inside, span.start.index + 1, span.end.index - 1, place, form)
    if form in COMPUTED_FORMS:
        return Unsure(short(node.text()), _place(node), form, COMPUTED)
    return None  # vi.mock(import('./x')): the import inside is found by itself


def _second(node: "SgNode") -> "SgNode":
    """Return what follows the node's first word."""
    second = node.child(1)
    if second is not None and second.kind() != "comment":
        return second
    return next(child for child in node.children()[1:] if child.kind() != "comment")


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
