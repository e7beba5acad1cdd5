"""Types of the unit written out so that they mean the same in another package."""

from repo_agent_dagster.migration.refactor.inference.kinds import Plain
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.tree import Node

_GLOBAL = frozenset(
    {
        "Array", "ReadonlyArray", "Record", "Partial", "Readonly", "Required", "Pick", "Omit", "Map", "Set",
        "ReadonlyMap", "ReadonlySet", "Date", "Uint8Array", "ArrayBuffer", "NonNullable",
    }
)  # fmt: skip
_PRIMITIVES = ("string", "number", "bigint", "boolean", "null", "undefined")


def portable_type(node: Node | None, types: Types, depth: int = 0) -> str | None:
    """Return a written type with the unit's own interfaces written out in place; None where that cannot be done."""
    if node is None or depth > 6:
        return None
    if node.kind in {"type_annotation", "readonly_type"}:
        inner = portable_type(node.parts[0], types, depth) if node.parts else None
        return inner if node.kind == "type_annotation" or inner is None else f"readonly {inner}"
    if node.kind in {"predefined_type", "literal_type"}:
        return node.text
    if node.kind == "parenthesized_type":
        inner = portable_type(node.parts[0], types, depth)
        return None if inner is None else f"({inner})"
    if node.kind == "array_type":
        inner = portable_type(node.parts[0], types, depth)
        return None if inner is None else f"({inner})[]" if "|" in inner else f"{inner}[]"
    if node.kind in {"union_type", "tuple_type"}:
        parts = [portable_type(part, types, depth) for part in node.parts]
        if any(part is None for part in parts):
            return None
        known = [part for part in parts if part is not None]
        return " | ".join(known) if node.kind == "union_type" else f"[{', '.join(known)}]"
    if node.kind == "object_type":
        return _members(node, types, depth)
    if node.kind == "generic_type":
        return _generic(node, types, depth)
    return _named(node, types, depth) if node.kind == "type_identifier" else None


def _named(node: Node, types: Types, depth: int) -> str | None:
    declaration = types.project.type(node)
    if declaration is None:
        return node.text if node.text in _GLOBAL else None
    if declaration.kind == "alias":
        return portable_type(declaration.owner.field("value"), types, depth + 1)
    if declaration.kind == "interface" and declaration.owner.child("extends_type_clause", "type_parameters") is None:
        body = declaration.owner.field("body")
        return _members(body, types, depth + 1) if body is not None else None
    return None


def _generic(node: Node, types: Types, depth: int) -> str | None:
    name, given = node.parts[0], node.child("type_arguments")
    if name.text not in _GLOBAL or types.project.type(name) is not None or given is None:
        return None
    parts = [portable_type(part, types, depth) for part in given.parts]
    return None if any(part is None for part in parts) else f"{name.text}<{', '.join(part or '' for part in parts)}>"


def _members(body: Node, types: Types, depth: int) -> str | None:
    members: list[str] = []
    for one in body.parts:
        name, annotation = one.field("name"), one.field("type")
        inner = portable_type(annotation, types, depth) if one.kind == "property_signature" else None
        if name is None or inner is None:
            return None
        members.append(f"{name.text}{'?' if one.child('?') is not None else ''}: {inner}")
    return f"{{ {'; '.join(members)} }}" if members else "{}"


def plain_type(kind: Plain) -> str | None:
    """Return the TypeScript type of a primitive kind; None for one that is anything."""
    if "any" in kind.names:
        return None
    names = [name for name in _PRIMITIVES if name in kind.names]
    if "bytes" in kind.names:
        names.insert(0, "Uint8Array | ArrayBuffer")
    return " | ".join(names) or None
