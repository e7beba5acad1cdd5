"""What a TypeScript or JavaScript file imports, and the edits that give it one more named import or take one away."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.rewriting.specifiers import Edit
from repo_agent_dagster.migration.standards.contract import FixImport, Where

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_REST_OF_LINE = re.compile(r"[ \t]*(?://[^\r\n]*|/\*[^\r\n]*\*/[ \t]*)?(?=\r?\n|\Z)")


@dataclass(frozen=True)
class Binding:
    """One local name that an import makes; `imported` is the export's name, "default", or "*" for all of it.

    `start` and `end` are the characters of its part of the statement.
    """

    local: str
    imported: str
    type_only: bool
    start: int
    end: int


@dataclass(frozen=True)
class ImportStatement:
    """One import statement; `start` and `end` are its characters, `module` is its specifier as it is written."""

    module: str
    quote: str
    bindings: tuple[Binding, ...]
    start: int
    end: int
    ends_with_semicolon: bool


@dataclass(frozen=True)
class NoImport:
    """Why an import cannot be written with certainty."""

    reason: str


def imports_of(root: "SgNode") -> tuple[ImportStatement, ...]:
    """Return the import statements of a file, in their order."""
    found = []
    for statement in root.find_all(kind="import_statement"):
        source = statement.field("source")
        if source is None:
            continue
        span, quoted = statement.range(), source.text()
        found.append(
            ImportStatement(
                quoted[1:-1],
                quoted[:1],
                tuple(_bindings(statement)),
                span.start.index,
                span.end.index,
                statement.text().endswith(";"),
            )
        )
    return tuple(found)


def is_imported(name: str, where: Where, statements: Sequence[ImportStatement]) -> bool:
    """Return whether an expression is the export that `where` names: by its local name, or through a namespace."""
    owner, _, member = name.rpartition(".")
    for statement in statements:
        if statement.module not in where.from_:
            continue
        for binding in statement.bindings:
            if binding.local == name and binding.imported == where.imported:
                return True
            if owner and binding.local == owner and binding.imported in {"*", "default"} and member == where.imported:
                return True
    return False


def import_edits(
    root: "SgNode", text: str, statements: Sequence[ImportStatement], wanted: FixImport, fixed: tuple[int, int]
) -> tuple[Edit, ...] | NoImport:
    """Return the edits that make `wanted.name` available and let `wanted.instead_of` go, if nothing else needs it.

    `fixed` is the span that the fix replaces: a use of the old name inside it does not count.
    """
    leaving = _leaving(root, statements, wanted.instead_of, fixed)
    line = _needed_line(root, statements, wanted)
    if isinstance(line, NoImport):
        return line
    if line is None:
        return () if leaving is None else (_removal(text, *leaving),)
    anchor = leaving[0] if leaving is not None else _anchor(statements, wanted.instead_of)
    if anchor is None:
        return NoImport(f"the file imports nothing that the import of {wanted.name} could stand beside")
    written = f"import {{ {wanted.name} }} from {anchor.quote}{line}{anchor.quote}"
    written += ";" if anchor.ends_with_semicolon else ""
    if leaving is not None and len(anchor.bindings) == 1:
        return (Edit(anchor.start, anchor.end, written),)
    rest = _REST_OF_LINE.match(text, anchor.end)
    if rest is None:
        return NoImport("other code stands in the line of the import that the new one would follow")
    added = Edit(rest.end(), rest.end(), f"{_line_end(text, rest.end())}{written}")
    return (added,) if leaving is None else (_removal(text, *leaving), added)


def _needed_line(root: "SgNode", statements: Sequence[ImportStatement], wanted: FixImport) -> str | NoImport | None:
    """Return the module to import from, None if the name is there already, or why neither is certain."""
    for statement in statements:
        for binding in statement.bindings:
            if binding.local == wanted.name:
                return NoImport(f"{wanted.name} is imported as a type only") if binding.type_only else None
    same = re.escape(wanted.name)
    declared = root.find(any=[{"kind": kind, "has": {"field": "name", "regex": f"^{same}$"}} for kind in _DECLARATIONS])
    if declared is not None:
        is_class = declared.kind() in {"class_declaration", "abstract_class_declaration"}
        return None if is_class else NoImport(f"the file uses the name {wanted.name} for something else")
    if not wanted.from_:
        return NoImport(f"the file does not import {wanted.name}, and the rule does not say from where")
    return wanted.from_


_DECLARATIONS = ("class_declaration", "abstract_class_declaration", "function_declaration", "variable_declarator")


def _leaving(
    root: "SgNode", statements: Sequence[ImportStatement], name: str | None, fixed: tuple[int, int]
) -> tuple[ImportStatement, Binding] | None:
    """Return the import of a name that only the fixed span uses."""
    if name is None:
        return None
    for statement in statements:
        for binding in statement.bindings:
            if binding.imported == name and not _is_used_elsewhere(root, binding.local, statement, fixed):
                return statement, binding
    return None


def _is_used_elsewhere(root: "SgNode", name: str, statement: ImportStatement, fixed: tuple[int, int]) -> bool:
    kinds = ("identifier", "type_identifier", "shorthand_property_identifier")
    for kind in kinds:
        for use in root.find_all(kind=kind, regex=f"^{re.escape(name)}$"):
            at = use.range().start.index
            if not (statement.start <= at < statement.end or fixed[0] <= at < fixed[1]):
                return True
    return False


def _anchor(statements: Sequence[ImportStatement], name: str | None) -> ImportStatement | None:
    for statement in statements:
        if name is not None and any(binding.imported == name for binding in statement.bindings):
            return statement
    return statements[-1] if statements else None


def _removal(text: str, statement: ImportStatement, leaving: Binding) -> Edit:
    """Return the edit that takes one name, with its comma, or the whole statement with its line, away."""
    named = [one for one in statement.bindings if text[: one.start].rstrip()[-1:] in {"{", ","} and one.imported != "*"]
    if len(statement.bindings) == 1:
        end = statement.end
        if text.startswith("\r\n", end):
            end += 2
        elif text.startswith("\n", end):
            end += 1
        return Edit(statement.start, end, "")
    index = named.index(leaving)
    if index + 1 < len(named):
        return Edit(leaving.start, named[index + 1].start, "")
    if index > 0:
        return Edit(named[index - 1].end, leaving.end, "")
    # The only name in braces, beside a default import: `import d, { x } from 'm'` becomes `import d from 'm'`.
    comma, brace = text.rfind(",", statement.start, leaving.start), text.index("}", leaving.end)
    return Edit(comma, brace + 1, "")


def _line_end(text: str, at: int) -> str:
    if text.startswith("\r\n", at):
        return "\r\n"
    return "\n" if text.startswith("\n", at) or "\r\n" not in text else "\r\n"


def _bindings(statement: "SgNode") -> Iterator[Binding]:
    children = statement.children()
    whole = any(child.kind() == "type" for child in children)
    clause = next((child for child in children if child.kind() == "import_clause"), None)
    for part in [] if clause is None else clause.children():
        if part.kind() == "identifier":
            yield _binding(part, part.text(), "default", whole)
        elif part.kind() == "namespace_import":
            yield _binding(part, part.children()[-1].text(), "*", whole)
        elif part.kind() == "named_imports":
            for specifier in part.children():
                name = specifier.field("name") if specifier.kind() == "import_specifier" else None
                if name is None:
                    continue
                alias = specifier.field("alias")
                own = any(child.kind() == "type" for child in specifier.children())
                yield _binding(specifier, (alias or name).text(), name.text(), whole or own)


def _binding(node: "SgNode", local: str, imported: str, type_only: bool) -> Binding:
    span = node.range()
    return Binding(local, imported, type_only, span.start.index, span.end.index)
