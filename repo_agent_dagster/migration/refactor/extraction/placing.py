"""Where an expression stands: is it a statement of its own, a name that is declared, the root of a database?"""

from repo_agent_dagster.migration.refactor.inference.kinds import ObjectStorage
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.tree import Node, wrapping


def whole_statement(call: Node) -> Node | None:
    """Return the statement, or expression body, that is nothing but a call; None where its result is used."""
    outer = wrapping(call)
    if outer.parent is not None and outer.parent.kind == "await_expression":
        outer = wrapping(outer.parent)
    parent = outer.parent
    if parent is None:
        return None
    if parent.kind == "expression_statement":
        return parent
    return outer if parent.kind == "arrow_function" and parent.field("body") is outer else None


def holds_statement(outer: Node, parent: Node) -> bool:
    """Whether an expression's place keeps a prepared statement: a constant, a field, an object of statements."""
    return parent.kind in {
        "variable_declarator", "public_field_definition", "field_definition", "assignment_expression",
    } or (parent.kind == "pair" and _is_table(parent))  # fmt: skip


def _is_table(pair: Node) -> bool:
    """Whether a property belongs to an object of statements that a constant or a field holds."""
    holder = pair.parent.parent if pair.parent is not None else None
    return holder is not None and holder.kind in {"variable_declarator", "public_field_definition", "field_definition"}


def is_root(node: Node, types: Types) -> bool:
    """Whether an expression takes a database from its environment: ``env.DB``, ``ctx.storage.sql``."""
    if node.kind != "member_expression":
        return False
    owner, name = node.field("object"), node.field("property")
    if owner is None or name is None:
        return False
    return isinstance(types.of(owner), ObjectStorage) or name.text in types.d1_names


def is_name_only(node: Node) -> bool:
    """Whether an identifier stands where a name is declared, not used."""
    parent = node.parent
    if parent is None or node.kind != "identifier":
        return False
    if parent.kind in {"import_specifier", "import_clause", "namespace_import", "export_specifier", "rest_pattern"}:
        return True
    return (
        node is parent.field("name")
        or node is parent.field("pattern")
        or node is parent.field("parameter")
        or (parent.kind in {"assignment_pattern"} and parent.field("left") is node)
    )


def is_within(node: Node, outer: list[Node]) -> bool:
    """Whether a node stands in one of others, and is not that one."""
    return any(one.holds(node) and one is not node for one in outer)


def callee(call: Node) -> str:
    """Return what a call calls, as it is written."""
    function = call.field("function") or call.field("constructor")
    return "a function" if function is None else " ".join(function.text.split())
