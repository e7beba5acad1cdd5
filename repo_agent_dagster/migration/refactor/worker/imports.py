"""Imports of a file: taken out where nothing uses them any more, put in as the file writes its own."""

import posixpath
import re
from collections.abc import Iterator

from repo_agent_dagster.migration.refactor.syntax.edits import Edits, statement_span
from repo_agent_dagster.migration.refactor.syntax.project import Project
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration, Scopes
from repo_agent_dagster.migration.refactor.syntax.tree import Node, SourceFile

_ENDING = re.compile(r"\.(?:js|ts|mjs|mts)$")


def unused(declaration: Declaration, scopes: Scopes, edits: Edits) -> bool:
    """Whether every use of a declaration goes away; one that had none before is nobody's to remove."""
    references = scopes.references(declaration)
    return bool(references) and all(edits.covers(node) for node in references)


def imports_of(file: SourceFile) -> Iterator[Node]:
    """Yield the import statements of a file."""
    return (node for node in file.root.children if node.kind == "import_statement")


def drop_unused_imports(file: SourceFile, scopes: Scopes, edits: Edits) -> list[Node]:
    """Take out imported names of which no use is left; return the statements that go away whole."""
    whole: list[Node] = []
    for statement in imports_of(file):
        clause = statement.child("import_clause")
        if clause is None or edits.covers(statement):
            continue
        names = list(_names(clause, scopes))
        gone = [one for one in names if unused(one, scopes, edits)]
        if names and len(gone) == len(names):
            whole.append(statement)
            edits.remove(*statement_span(statement))
        elif gone:
            _drop(clause, gone, edits)
    return whole


def _names(clause: Node, scopes: Scopes) -> Iterator[Declaration]:
    for node in clause.walk():
        if node.kind in {"identifier"} and node.parent is not None:
            found = scopes.top(node.text) or scopes.top(node.text, types=True)
            if found is not None and found.node is node:
                yield found


def _drop(clause: Node, gone: list[Declaration], edits: Edits) -> None:
    """Take some names out of an import clause."""
    for one in gone:
        owner = one.owner
        if owner.kind == "import_specifier" and owner.parent is not None:
            rest = [part for part in owner.parent.parts if all(part is not other.owner for other in gone)]
            if not rest:
                end = owner.parent.end
                start = clause.file.text.rfind(",", clause.start, owner.parent.start)
                edits.remove(start if start >= 0 else owner.parent.start, end)
            else:
                _drop_listed(owner, edits)
        elif owner.kind == "import_clause":
            following = clause.parts[1] if len(clause.parts) > 1 else None
            edits.remove(one.node.start, following.start if following is not None else one.node.end)


def _drop_listed(node: Node, edits: Edits) -> None:
    """Take one of several listed things out, with the comma and the space that belong to it."""
    text = node.file.text
    line_start = text.rfind("\n", 0, node.start) + 1
    line_end = text.find("\n", node.end)
    alone = not text[line_start : node.start].strip() and text[node.end : line_end].strip() in {"", ","}
    if alone:
        edits.remove(line_start, line_end + 1)
        return
    following = re.compile(r"\s*,[ \t]*").match(text, node.end)
    if following is not None:
        edits.remove(node.start, following.end())
        return
    before = re.compile(r",\s*$").search(text, 0, node.start)
    edits.remove(before.start() if before is not None else node.start, node.end)


def drop_listed(node: Node, edits: Edits) -> None:
    """Take a declarator, a property or a specifier out of its list."""
    _drop_listed(node, edits)


def add_imports(file: SourceFile, lines: list[str], gone: list[Node], edits: Edits) -> None:
    """Put import statements where one goes away, else after the last, else at the file's head."""
    if not lines:
        return
    text = file.newline.join(lines)
    if gone:
        first = gone[0]
        span = statement_span(first)
        edits.replace(first.start, first.end, text)
        edits.unremove(span)
        return
    statements = list(imports_of(file))
    if statements:
        edits.insert(statements[-1].end, file.newline + text)
        return
    offset = 0
    for node in file.root.children:
        if node.kind not in {"comment", "hash_bang_line"}:
            break
        offset = file.text.find("\n", node.end) + 1
    blank = re.compile(r"(?:[ \t]*\r?\n)*").match(file.text, offset)
    if offset and blank is not None:
        offset = blank.end()
    edits.insert(offset, text + file.newline * 2)


def import_line(file: SourceFile, clause: str, specifier: str, *, types: bool) -> str:
    """Return an import statement in the file's own style: its quotes, its semicolons."""
    quote, end = "'", ";"
    first = next(imports_of(file), None)
    source = first.field("source") if first is not None else None
    if first is not None and source is not None:
        quote = source.text[0]
        end = ";" if first.text.endswith(";") else ""
    elif first is None and '"' in file.text and file.text.count('"') > file.text.count("'"):
        quote = '"'
    return f"import {'type ' if types and file.typed else ''}{clause} from {quote}{specifier}{quote}{end}"


def relative_specifier(path: str, importer: SourceFile, project: Project) -> str:
    """Return how a file imports another of the unit: with or without an ending, as the unit does elsewhere."""
    relation = posixpath.relpath(_ENDING.sub("", path), posixpath.dirname(importer.path) or ".")
    relation = relation if relation.startswith(".") else f"./{relation}"
    for file in (importer, *project.unit_sources()):
        for statement in file.root.children:
            source = statement.field("source") if statement.kind in {"import_statement", "export_statement"} else None
            written = source.text[1:-1] if source is not None else ""
            if written.startswith("."):
                ending = _ENDING.search(written)
                return relation + (ending[0] if ending is not None else "")
    return relation
