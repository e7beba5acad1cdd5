"""A database operation replaced by a call of its entrypoint method."""

from collections.abc import Callable as Function

from repo_agent_dagster.migration.refactor.extraction.operations import Mode, Operation, Value
from repo_agent_dagster.migration.refactor.generation.methods import MethodPlan
from repo_agent_dagster.migration.refactor.inference.kinds import Handle, Instance, ObjectStorage
from repo_agent_dagster.migration.refactor.inference.members import member_name, members, parameter_properties
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.edits import Edits, Piece
from repo_agent_dagster.migration.refactor.syntax.tree import CLASSES, Node, SourceFile, unwrapped
from repo_agent_dagster.migration.refactor.worker.environment import Environment

_TYPED: frozenset[Mode] = frozenset(
    {
        "d1-all", "d1-first", "d1-column", "d1-run", "d1-raw", "d1-batch", "d1-batch-each", "rows", "row-or-null",
        "row-or-undefined", "one-row",
    }
)  # fmt: skip


class Calls:
    """Writes the calls. `holders` are fields that keep the binding where they kept a prepared statement."""

    def __init__(self, types: Types, environment: Environment, edits_of: Function[[SourceFile], Edits]) -> None:
        self._types, self._environment, self._edits_of = types, environment, edits_of
        self.holders: dict[Node, Node] = {}
        """For each class without a field for its database, the field that becomes it, by its declaration."""

    def replace(self, operation: Operation, plan: MethodPlan, values: tuple[Value, ...], binding: str) -> None:
        """Replace an operation by a call of its method."""
        node = operation.node
        generic = f"<{operation.row_type}>" if operation.row_type is not None and plan.mode in _TYPED else ""
        if generic and not node.file.typed:
            generic = ""
        pieces: list[Piece] = [*self._handle(operation, binding), f".{plan.name}{generic}("]
        for index, value in enumerate(values):
            pieces += ([", "] if index else []) + list(value)
        self._edits_of(node.file).replace_node(node, *pieces, ")")

    def _handle(self, operation: Operation, binding: str) -> list[Piece]:
        """Return the database's expression where the operation stands: the binding is there then."""
        handle, node = operation.handle, operation.node
        if isinstance(self._types.of(unwrapped(handle)), ObjectStorage):
            return [self._environment.expression(node)]
        if handle.file is node.file and self._means_the_same(unwrapped(handle), node):
            return [handle]
        field = self._field(node) or self._holder(operation, binding)
        return [field if field is not None else self._environment.expression(node)]

    def _means_the_same(self, handle: Node, at: Node) -> bool:
        """Whether an expression of a database can be written where another node stands."""
        if at.holds(handle) or handle.function is at.function:
            return True
        if handle.kind == "identifier":
            scopes = self._types.project.scopes(at.file)
            return scopes.value(at, handle.text) is scopes.value(handle) is not None
        owner = handle.field("object") if handle.kind == "member_expression" else None
        if owner is None:
            return False
        if owner.kind == "this":
            return owner.enclosing(CLASSES) is at.enclosing(CLASSES)
        return self._means_the_same(owner, at)

    def _field(self, at: Node) -> str | None:
        """Return ``this.db``, if the class around a node has a database in a field."""
        owner = at.enclosing(CLASSES)
        name = owner.field("name") if owner is not None else None
        declaration = self._types.project.scopes(at.file).type(name) if name is not None else None
        if owner is None or declaration is None:
            return None
        for one in (*members(owner), *parameter_properties(owner)):
            field = member_name(one) if one.kind != "required_parameter" else (one.field("pattern") or one).text
            if field is not None and isinstance(self._types.property(Instance(declaration), field), Handle):
                return f"this.{field}"
        return None

    def _holder(self, operation: Operation, binding: str) -> str | None:
        """Return the field that keeps the binding from now on: the first that kept a statement of this class."""
        owner = operation.node.enclosing(CLASSES)
        if owner is None or not owner.holds(operation.handle):
            return None
        assignment = next((one for one in operation.handle.ancestors() if one.kind == "assignment_expression"), None)
        if owner not in self.holders:
            if assignment is None or assignment.field("left") is None:
                return None
            self.holders[owner] = assignment
        return f"this.{binding}"
