"""Where a property of a class, an interface or an object is declared."""

from collections.abc import Iterator

from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration, parameters
from repo_agent_dagster.migration.refactor.syntax.tree import CLASSES, Node

_MEMBERS = frozenset(
    {
        "method_definition",
        "method_signature",
        "abstract_method_signature",
        "property_signature",
        "public_field_definition",
        "field_definition",
        "pair",
    }
)


def member_name(node: Node) -> str | None:
    """Return the name of a class's, interface's or object's member."""
    name = node.field("name") or node.field("property") or node.field("key")
    if name is None or name.kind == "computed_property_name":
        return None
    return name.text.strip("'\"")


def is_static(node: Node) -> bool:
    """Whether a class's member is static."""
    return node.child("static") is not None


def body_of(node: Node) -> Node | None:
    """Return the node that holds the members: a class's or an interface's body, an object type, an object."""
    if node.kind in {"object_type", "object", "interface_body"}:
        return node
    return node.field("body")


def members(node: Node) -> Iterator[Node]:
    """Yield the members of a class, an interface, an object type or an object literal."""
    body = body_of(node)
    for child in body.children if body is not None else ():
        if child.kind in _MEMBERS:
            yield child


def constructor(owner: Node) -> Node | None:
    """Return a class's constructor that has a body."""
    return next(
        (one for one in members(owner) if one.kind == "method_definition" and member_name(one) == "constructor"), None
    )


def parameter_properties(owner: Node) -> Iterator[Node]:
    """Yield the constructor's parameters that are fields too: ``constructor(private readonly db: Database)``."""
    made = constructor(owner)
    for parameter in parameters(made) if made is not None else ():
        if parameter.child("accessibility_modifier", "readonly", "override_modifier") is not None:
            yield parameter


def field_assignments(owner: Node, name: str) -> Iterator[Node]:
    """Yield every ``this.name = …`` in a class."""
    body = body_of(owner)
    for node in body.walk() if body is not None else ():
        if node.kind == "assignment_expression":
            left = node.field("left")
            if left is not None and left.kind == "member_expression":
                target, prop = left.field("object"), left.field("property")
                if target is not None and target.kind == "this" and prop is not None and prop.text == name:
                    yield node


def own_member(owner: Node, name: str, *, static: bool) -> Node | None:
    """Return the member of a class (or interface, object) with a name, or the parameter that is one."""
    for one in members(owner):
        if member_name(one) == name and (owner.kind not in CLASSES or is_static(one) == static):
            return one
    if owner.kind in CLASSES and not static:
        for parameter in parameter_properties(owner):
            pattern = parameter.field("pattern")
            if pattern is not None and pattern.text == name:
                return parameter
        assigned = next(field_assignments(owner, name), None)
        if assigned is not None:
            return assigned
    return None


def heritage(declaration: Declaration) -> tuple[list[Node], list[Node]]:
    """Return the nodes that a class or an interface extends, and those that a class implements."""
    extends: list[Node] = []
    implements: list[Node] = []
    for child in declaration.owner.children:
        clauses = child.children if child.kind == "class_heritage" else [child]
        for clause in clauses:
            if clause.kind in {"extends_clause", "extends_type_clause"}:
                extends += [part for part in clause.parts if part.kind != "type_arguments"]
            elif clause.kind == "implements_clause":
                implements += clause.parts
            elif child.kind == "class_heritage" and clause.kind == "identifier":
                extends.append(clause)  # JavaScript's grammar has no clause
    return extends, implements
