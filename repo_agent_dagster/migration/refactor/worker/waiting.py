"""The edits that waiting asks for: `await`, `async`, promised return types, loops in place of callbacks."""

from collections.abc import Callable as Function
from collections.abc import Iterator

from repo_agent_dagster.migration.refactor.inference.members import member_name
from repo_agent_dagster.migration.refactor.model import PublicChange
from repo_agent_dagster.migration.refactor.syntax.edits import Edits
from repo_agent_dagster.migration.refactor.syntax.scopes import parameters
from repo_agent_dagster.migration.refactor.syntax.tree import CLASSES, Node, SourceFile, called_member, wrapping
from repo_agent_dagster.migration.refactor.worker.asynchrony import AsyncPlan, needs_parentheses, promised
from repo_agent_dagster.migration.refactor.worker.callables import return_type

EditsOf = Function[[SourceFile], Edits]


def write_waiting(plan: AsyncPlan, edits_of: EditsOf) -> None:
    """Make the edits that a plan asks for."""
    for node in plan.awaited:
        _await(node, edits_of(node.file), "await ", "")
    for call in plan.gathered:
        _await(call, edits_of(call.file), "await Promise.all(", ")")
    for call, function in plan.loops.items():
        _loop(call, function, edits_of(call.file))
    for function in plan.functions:
        edits = edits_of(function.file)
        name = function.field("name") if function.kind == "method_definition" else None
        edits.wrap(name or function, "async ")
        _promise(function, edits)
    for signature in plan.signatures:
        _promise(signature, edits_of(signature.file))


def _await(node: Node, edits: Edits, before: str, after: str) -> None:
    if needs_parentheses(node):
        edits.wrap(node, f"({before}", f"{after})")
    else:
        edits.wrap(node, before, after)


def _promise(function: Node, edits: Edits) -> None:
    node, text = return_type(function), promised(function)
    if node is None or text is None or text == node.text:
        return
    if text == f"Promise<{node.text}>":
        edits.wrap(node, "Promise<", ">")
    else:
        edits.replace_node(node, text)


def _loop(call: Node, function: Node, edits: Edits) -> None:
    """Write ``list.forEach((one) => …)`` as ``for (const one of list) …``."""
    called, body = called_member(call), function.field("body")
    (taken,) = parameters(function)
    if called is None or body is None or call.parent is None:
        return
    pattern = taken.field("pattern") or taken
    if body.kind == "statement_block":
        edits.replace_node(call.parent, "for (const ", pattern, " of ", called[0], ") ", body)
    else:
        edits.replace_node(call.parent, "for (const ", pattern, " of ", called[0], ") ", body, ";")


def public_changes(plan: AsyncPlan) -> Iterator[PublicChange]:
    """Yield the exported signatures that became asynchronous, with the text before and after."""
    for node in (*plan.functions, *plan.signatures):
        name = _public_name(node)
        if name is None:
            continue
        before = _head(node)
        after = before
        annotation, text = return_type(node), promised(node)
        if annotation is not None and text is not None:
            at = annotation.start - node.start
            whole = node.text
            after = " ".join((whole[:at] + text + whole[annotation.end - node.start : _body(node)]).split())
        if node in plan.functions:
            named = node.field("name") if node.kind == "method_definition" else None
            inner = " ".join(named.text.split()) if named is not None else after
            after = after.replace(inner, f"async {inner}", 1)
        yield PublicChange(node.site, name, before, after)


def _body(node: Node) -> int:
    body = node.field("body")
    return len(node.text) if body is None else body.start - node.start


def _head(node: Node) -> str:
    return " ".join(node.text[: _body(node)].split())


def _public_name(node: Node) -> str | None:
    """Return the exported name of a function, a method of an exported class or interface, None for others."""
    if node.kind in {"method_definition", "method_signature"}:
        if node.child("accessibility_modifier") is not None and "private" in node.text[: node.text.find("(")].split():
            return None
        owner = node.enclosing(CLASSES | {"interface_declaration"})
        name, own = (owner.field("name") if owner is not None else None), member_name(node)
        if owner is None or name is None or own is None or own.startswith("#") or not _is_exported(owner):
            return None
        return f"{name.text}.{own}"
    holder = node
    if node.kind in {"arrow_function", "function_expression", "function_type"}:
        parent = wrapping(node).parent
        if parent is None or parent.kind not in {"variable_declarator", "type_alias_declaration"}:
            return None
        holder = parent
    name = holder.field("name")
    if name is None or holder.function is not None or not _is_exported(holder):
        return None
    return name.text


def _is_exported(node: Node) -> bool:
    if any(one.kind == "export_statement" for one in node.ancestors()):
        return True
    name = node.field("name")
    if name is None:
        return False
    for statement in node.file.root.children:
        clause = statement.child("export_clause") if statement.kind == "export_statement" else None
        for one in clause.parts if clause is not None else ():
            inner = one.field("name")
            if inner is not None and inner.text == name.text and statement.field("source") is None:
                return True
        value = statement.field("value") if statement.kind == "export_statement" else None
        if value is not None and value.text == name.text:
            return True
    return False
