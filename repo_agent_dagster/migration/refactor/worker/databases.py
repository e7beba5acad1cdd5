"""The database itself in the worker: where it was opened, taken or typed, the orchestrator binding stands now."""

from collections.abc import Callable as Function

from repo_agent_dagster.migration.refactor.generation.names import camel
from repo_agent_dagster.migration.refactor.inference.kinds import Handle, ObjectStorage
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.edits import Edits
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration
from repo_agent_dagster.migration.refactor.syntax.tree import Node, SourceFile, arguments
from repo_agent_dagster.migration.refactor.worker.callables import Callables
from repo_agent_dagster.migration.refactor.worker.environment import Environment

_TYPES = frozenset({"type_identifier", "nested_type_identifier"})


class Databases:
    """Puts the binding in a database's place. `interface` is the binding's type, `binding` its name in `env`."""

    def __init__(
        self,
        types: Types,
        callables: Callables,
        environment: Environment,
        edits_of: Function[[SourceFile], Edits],
        binding: str,
        interface: str,
    ) -> None:
        self._types, self._callables, self._environment = types, callables, environment
        self._edits_of, self._binding, self._interface = edits_of, binding, interface
        self.typed: dict[str, None] = {}
        """Files that name the binding's type."""
        self.taken: dict[str, None] = {}
        """Names of D1 bindings in whose places the new binding stands now."""
        self.injected: list[Node] = []
        """Functions that take the binding where they took a path."""

    def replace(self, node: Node) -> None:
        """Replace one expression that opens a database or takes it from its environment."""
        edits = self._edits_of(node.file)
        name = node.field("property") if node.kind == "member_expression" else None
        if node.kind == "member_expression" and name is not None:
            if isinstance(self._types.of(node.field("object") or node), ObjectStorage):
                edits.replace_node(node, self._environment.expression(node))
            else:
                edits.replace_node(name, self._binding)
                self.taken[name.text] = None
            return
        taken = self._inject(node)
        edits.replace_node(node, taken or self._environment.expression(node))

    def retype(self, file: SourceFile) -> None:
        """Replace the types of databases by the binding's, outside of environment types."""
        for node in file.root.walk():
            if node.kind not in _TYPES or not isinstance(self._types.written(node), Handle):
                continue
            parent = node.parent
            if parent is None or parent.kind in {"nested_type_identifier", "import_specifier"}:
                continue
            if _declares(node) or self._is_environment(node):
                continue
            self._edits_of(file).replace_node(node, self._interface)
            self.typed[file.path] = None

    def _is_environment(self, node: Node) -> bool:
        member = next((one for one in node.ancestors() if one.kind == "property_signature"), None)
        name = member.field("name") if member is not None else None
        return name is not None and name.text in self._types.d1_names

    def rename_destructured(self, declaration: Declaration) -> None:
        """Take the binding where ``const { DB } = env`` took the database; the local name stays."""
        edits, node = self._edits_of(declaration.file), declaration.node
        if declaration.path:
            self.taken[str(declaration.path[-1])] = None
        if node.kind == "shorthand_property_identifier_pattern":
            edits.replace_node(node, f"{self._binding}: {node.text}")
        elif node.parent is not None and node.parent.kind == "pair_pattern" and (key := node.parent.field("key")):
            edits.replace_node(key, self._binding)

    # --- a path that becomes the binding ------------------------------------------------------------------------

    def _inject(self, creation: Node) -> str | None:
        """Make the parameter that gave the path give the binding; return its name, None where that cannot be done."""
        given = arguments(creation)
        if not given:
            return None
        parameter, has_default = self._sole_parameter(given[0])
        if parameter is None:
            return None
        return self._take_binding(parameter, has_default)

    def _sole_parameter(self, node: Node) -> tuple[Declaration | None, bool]:
        """Return the parameter that an expression is, if that is its only use; and whether it has a default here."""
        has_default = False
        if node.kind == "binary_expression" and (operator := node.field("operator")) is not None:
            left, right = node.field("left"), node.field("right")
            constant = right is not None and right.kind in {"string", "template_string"}
            if operator.text in {"??", "||"} and left is not None and constant:
                node, has_default = left, True
        if node.kind != "identifier":
            return None, False
        scopes = self._types.project.scopes(node.file)
        declaration = scopes.value(node)
        if declaration is None or declaration.kind != "parameter" or declaration.path != ():
            return None, False
        if len(scopes.references(declaration)) != 1:
            return None, False
        owner = declaration.owner
        if owner.child("accessibility_modifier", "readonly") is not None:
            return None, False
        return declaration, has_default

    def _take_binding(self, declaration: Declaration, has_default: bool) -> str | None:
        function = declaration.node.function
        parameters = function.field("parameters") if function is not None else None
        if function is None or parameters is None or self._callables.values(function):
            return None
        if len(self._callables.group(function)) > 1:
            return None
        owner = declaration.owner
        index = next((at for at, one in enumerate(parameters.parts) if one is owner), None)
        if index is None:
            return None
        name = self._free_name(function, declaration)
        edits = self._edits_of(declaration.file)
        default = owner.field("value") or owner.field("right")
        optional = has_default or owner.kind == "optional_parameter"
        text = name
        if declaration.file.typed and owner.field("type") is not None:
            text += f": {self._interface}"
            self.typed[declaration.file.path] = None
        if default is not None or optional:
            text += f" = {self._environment.expression(parameters)}"
        edits.replace_node(owner, text)
        self.injected.append(function)
        for call in self._callables.calls(function):
            values = arguments(call)
            if index < len(values):
                self._give_binding(values[index])
        return name

    def _give_binding(self, value: Node) -> None:
        parameter, has_default = self._sole_parameter(value)
        name = self._take_binding(parameter, has_default) if parameter is not None else None
        self._edits_of(value.file).replace_node(value, name or self._environment.expression(value))

    def _free_name(self, function: Node, declaration: Declaration) -> str:
        wanted = camel(self._binding)
        taken = any(node.kind in {"identifier", "shorthand_property_identifier"} and node.text == wanted
                    for node in function.walk())  # fmt: skip
        return declaration.name if taken else wanted


def _declares(node: Node) -> bool:
    parent = node.parent
    return parent is not None and parent.field("name") is node and parent.kind.endswith("_declaration")
