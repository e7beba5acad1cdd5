"""What the place of an expression asks for, and what a call runs: the part of `Types` that looks outwards."""

from repo_agent_dagster.migration.refactor.inference.expressions import Expressions
from repo_agent_dagster.migration.refactor.inference.kinds import Callable, ClassValue, Keyed, Kind, Listed
from repo_agent_dagster.migration.refactor.inference.members import constructor
from repo_agent_dagster.migration.refactor.syntax.scopes import parameters
from repo_agent_dagster.migration.refactor.syntax.tree import Node, arguments


class Contexts(Expressions):
    """Reads the places of expressions."""

    def expected(self, node: Node) -> Kind | None:
        """Return what the place of an expression asks for: by a variable's type, a parameter's, a field's."""
        parent = node.parent
        if parent is None:
            return None
        if parent.kind in {"parenthesized_expression"}:
            return self.expected(parent)
        if parent.kind in {"variable_declarator", "public_field_definition"} and parent.field("value") is node:
            return self.written(parent.field("type"))
        if parent.kind in {"satisfies_expression", "as_expression"} and parent.parts[0] is node:
            return self.written(parent.parts[1])
        if parent.kind == "pair" and parent.parent is not None:
            key = parent.field("key")
            return self.property(self.expected(parent.parent), key.text.strip("'\"")) if key is not None else None
        if parent.kind == "array":
            return self._element(self.expected(parent))
        if parent.kind == "arguments" and parent.parent is not None:
            return self._expected_argument(parent.parent, node)
        if parent.kind == "return_statement" and (function := parent.function) is not None:
            return self.written(function.field("return_type"))
        return None

    def _expected_argument(self, call: Node, node: Node) -> Kind | None:
        given = arguments(call)
        index = next((position for position, one in enumerate(given) if one is node), None)
        target = self.target(call)
        if target is not None and index is not None:
            wanted = parameters(target)
            return self.written(wanted[index].field("type")) if index < len(wanted) else None
        if call.kind == "new_expression":
            kind = self.of(call)
            if isinstance(kind, Keyed):
                return Listed(Listed(kind.of))
        return None

    def target(self, call: Node) -> Node | None:
        """Return the function, constructor or signature that a call runs, where it is known."""
        if call.kind == "new_expression":
            made = call.field("constructor")
            kind = self.of(made) if made is not None else None
            return constructor(kind.declaration.owner) if isinstance(kind, ClassValue) else None
        function = call.field("function")
        kind = self.of(function) if function is not None else None
        return kind.node if isinstance(kind, Callable) else None
