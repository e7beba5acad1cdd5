"""What goes away with the database: its schema and settings, prepared statements, constants that nobody reads."""

from collections.abc import Callable as Function
from collections.abc import Iterable

from repo_agent_dagster.migration.refactor.extraction.placing import whole_statement
from repo_agent_dagster.migration.refactor.inference.members import member_name, members
from repo_agent_dagster.migration.refactor.syntax.edits import Edits
from repo_agent_dagster.migration.refactor.syntax.project import Project
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration
from repo_agent_dagster.migration.refactor.syntax.tree import CLASSES, Node, SourceFile, wrapping
from repo_agent_dagster.migration.refactor.worker.imports import drop_listed, unused

_BLOCKS = frozenset({"statement_block", "program", "switch_case", "switch_default", "class_static_block"})
EditsOf = Function[[SourceFile], Edits]


def drop_call(call: Node, edits: Edits) -> None:
    """Take the statement that is nothing but a call out."""
    statement = whole_statement(call)
    if statement is None:
        return
    if statement.kind != "expression_statement":
        edits.replace_node(statement, "undefined")
    elif statement.parent is not None and statement.parent.kind in _BLOCKS:
        edits.remove_statement(statement)
        close_emptied(statement.parent, edits)
    else:
        edits.replace_node(statement, "{}")


def close_emptied(block: Node, edits: Edits) -> None:
    """Write a block of which every statement went away as ``{}``."""
    inside = [child for child in block.children if child.named]
    if block.kind == "statement_block" and inside and all(edits.covers(child) for child in inside):
        edits.replace_node(block, "{}")


def drop_prepared(node: Node, edits: Edits, prepared: Iterable[Node]) -> None:
    """Take out what keeps a prepared statement: a constant, a field, a property of an object of statements."""
    outer = wrapping(node)
    parent = outer.parent
    if parent is None:
        return
    if parent.kind == "variable_declarator":
        _drop_declarator(parent, edits)
    elif parent.kind in {"public_field_definition", "field_definition"}:
        edits.remove_statement(parent)
    elif parent.kind == "assignment_expression" and parent.parent is not None:
        edits.remove_statement(parent.parent)
        field = field_of(parent)
        if field is not None:
            edits.remove_statement(field)
    elif parent.kind == "pair" and parent.parent is not None:
        held = [wrapping(one).parent for one in prepared]
        if all(any(pair is one for one in held) for pair in parent.parent.parts):
            drop_prepared(parent.parent, edits, ())
        else:
            drop_listed(parent, edits)


def _drop_declarator(declarator: Node, edits: Edits) -> None:
    statement = declarator.parent
    if statement is None:
        return
    if sum(one.kind == "variable_declarator" for one in statement.children) > 1:
        drop_listed(declarator, edits)
        return
    exported = statement.parent
    edits.remove_statement(exported if exported is not None and exported.kind == "export_statement" else statement)


def field_of(assignment: Node) -> Node | None:
    """Return the declaration of the field that ``this.field = …`` assigns."""
    left, owner = assignment.field("left"), assignment.enclosing(CLASSES)
    name = left.field("property") if left is not None and left.kind == "member_expression" else None
    if name is None or owner is None:
        return None
    return next(
        (
            one
            for one in members(owner)
            if one.kind in {"public_field_definition", "field_definition"} and member_name(one) == name.text
        ),
        None,
    )


def keep_binding(assignment: Node, handle: Node, name: str, interface: str, edits: Edits) -> None:
    """Make the field that kept a prepared statement keep the binding."""
    left, right, field = assignment.field("left"), assignment.field("right"), field_of(assignment)
    prop = left.field("property") if left is not None else None
    if prop is None or right is None:
        return
    edits.replace_node(prop, name)
    edits.replace_node(right, handle)
    if field is not None:
        named, annotation = field.field("name") or field.field("property"), field.field("type")
        if named is not None:
            edits.replace_node(named, name)
        if annotation is not None:
            edits.replace_node(annotation, f": {interface}")


def drop_constants(constants: Iterable[Declaration], project: Project, edits_of: EditsOf, files: set[str]) -> None:
    """Take out constants that only SQL which went away did read; again, until nothing more goes."""
    waiting = list(dict.fromkeys(constants))
    while True:
        gone = [one for one in waiting if one.file.path in files and _is_free(one, project, edits_of)]
        if not gone:
            return
        for one in gone:
            waiting.remove(one)
            _drop_declarator(one.owner, edits_of(one.file))


def _is_free(declaration: Declaration, project: Project, edits_of: EditsOf) -> bool:
    if declaration.owner.kind != "variable_declarator" or declaration.file.path not in project.unit_paths:
        return False
    if edits_of(declaration.file).covers(declaration.owner):
        return False
    scopes = project.scopes(declaration.file)
    if not any(one.kind == "export_statement" for one in declaration.owner.ancestors()):
        return unused(declaration, scopes, edits_of(declaration.file))
    mine = scopes.references(declaration)
    if not all(edits_of(declaration.file).covers(node) for node in mine):
        return False
    for file in project.unit_files():
        if file is declaration.file or declaration.name not in file.text:
            continue
        for node in file.root.walk():
            named = node.kind in {"identifier", "shorthand_property_identifier"} and node.text == declaration.name
            if not named or (node.parent is not None and node.parent.kind == "import_specifier"):
                continue
            if not edits_of(file).covers(node):
                return False
    return True
