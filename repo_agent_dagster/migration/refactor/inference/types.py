"""What an expression, a type or a name is: followed through declarations, imports, calls and contexts."""

from collections.abc import Iterator

from repo_agent_dagster.migration.refactor.inference import known
from repo_agent_dagster.migration.refactor.inference.kinds import (
    Callable,
    ClassValue,
    DatabaseClass,
    DatabaseModule,
    Foreign,
    Handle,
    Instance,
    Keyed,
    Kind,
    ModuleEnv,
    Namespace,
    ObjectState,
    ObjectStorage,
    Plain,
    Prepared,
    Promised,
    Shape,
)
from repo_agent_dagster.migration.refactor.inference.members import field_assignments, heritage, member_name, own_member
from repo_agent_dagster.migration.refactor.inference.written import Written
from repo_agent_dagster.migration.refactor.syntax.project import Project, imported
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration, Step, parameters
from repo_agent_dagster.migration.refactor.syntax.tree import Node

_MAP_METHODS = frozenset({"get", "set", "has", "delete", "clear", "keys", "values", "entries", "forEach", "size"})


class Types(Written):
    """Answers about one project, each worked out once. `d1_names` are bindings that the wrangler file has."""

    def __init__(self, project: Project, d1_names: frozenset[str]) -> None:
        self.project = project
        self.d1_names = d1_names
        self._kinds: dict[tuple[str, int], Kind | None] = {}
        self._busy: set[tuple[str, int]] = set()

    # --- names --------------------------------------------------------------------------------------------------

    def declared(self, declaration: Declaration) -> Kind | None:
        """Return what a declared name is."""
        if declaration.kind in {"function"}:
            return Callable(declaration.owner)
        if declaration.kind == "class":
            return ClassValue(declaration)
        if declaration.kind == "namespace":
            source_node = declaration.owner.field("source")
            specifier = source_node.text[1:-1] if source_node is not None else ""
            target = self.project.resolve(specifier, declaration.file.path)
            return Namespace(target) if target is not None else None
        if declaration.kind == "import":
            source, name = imported(declaration)
            path = self.project.resolve(source, declaration.file.path)
            if path is not None:
                return Namespace(path) if name == "*" else None
            return known.imported_value(source, name)
        if declaration.kind in {"variable", "parameter", "loop"}:
            return self._once(declaration.node, lambda: self._declared_value(declaration), about="name")
        return None

    def _declared_value(self, declaration: Declaration) -> Kind | None:
        owner = declaration.owner
        if declaration.path is None:
            return None
        if declaration.kind == "loop":
            right = owner.field("right")
            of_values = any(child.kind == "of" for child in owner.children)
            kind = self._element(self.of(right)) if right is not None and of_values else None
        else:
            annotation = owner.field("type")
            kind = self.written(annotation) if annotation is not None else self._without_annotation(declaration)
            if owner.kind == "optional_parameter" and owner.child("?") is not None and isinstance(kind, Plain):
                kind = Plain(kind.names | {"undefined"})
        return self.along(kind, declaration.path)

    def _without_annotation(self, declaration: Declaration) -> Kind | None:
        owner = declaration.owner
        value = owner.field("value") if owner.kind != "assignment_pattern" else owner.field("right")
        if value is not None:
            return self.of(value)
        if declaration.kind != "parameter":
            return None
        function = declaration.node.function
        expected = self.expected(function) if function is not None else None
        if not isinstance(expected, Callable) or function is None:
            return None
        mine, theirs = parameters(function), parameters(expected.node)
        index = next((position for position, one in enumerate(mine) if one is owner), None)
        return self.written(theirs[index].field("type")) if index is not None and index < len(theirs) else None

    def along(self, kind: Kind | None, path: tuple[Step, ...]) -> Kind | None:
        """Return what destructuring along a path gives."""
        for step in path:
            kind = self.property(kind, step) if isinstance(step, str) else self._element(kind)
        return kind

    # --- members ------------------------------------------------------------------------------------------------

    def property(self, kind: Kind | None, name: str) -> Kind | None:
        """Return what a property of a value is."""
        if isinstance(kind, ObjectState):
            return ObjectStorage() if name == "storage" else None
        if isinstance(kind, ObjectStorage):
            return Handle("durable-object") if name == "sql" else None
        if isinstance(kind, ModuleEnv):
            return Handle("d1") if name in self.d1_names else None
        if isinstance(kind, Namespace):
            found = self.project.exported(kind.path, name, types=False)
            return self.declared(found) if found is not None else None
        if isinstance(kind, DatabaseModule):
            return known.member_of_module(kind.api, name)
        if isinstance(kind, Foreign):
            return known.PROPERTIES.get((kind.name, name))
        if isinstance(kind, Keyed) and name not in _MAP_METHODS:
            return kind.of
        if isinstance(kind, DatabaseClass) and name in {"Database", "default"}:
            return kind
        node = self.member(kind, name)
        if node is None:
            return self._inherited(kind, name)
        return self._once(node, lambda: self._member_kind(node), about="member")

    def member(self, kind: Kind | None, name: str) -> Node | None:
        """Return the node that declares a property: a method, a field, a signature, a parameter, an assignment."""
        if isinstance(kind, Shape):
            return own_member(kind.node, name, static=False)
        if not isinstance(kind, Instance | ClassValue):
            return None
        for declaration in self.lineage(kind.declaration):
            found = own_member(declaration.owner, name, static=isinstance(kind, ClassValue))
            if found is not None:
                return found
        return None

    def lineage(self, declaration: Declaration) -> Iterator[Declaration]:
        """Yield a class or interface and those of the unit that it extends."""
        waiting, seen = [declaration], set[int]()
        while waiting:
            one = waiting.pop(0)
            if id(one) in seen:
                continue
            seen.add(id(one))
            yield one
            for base in heritage(one)[0]:
                name = base if base.kind in {"identifier", "type_identifier"} else base.child("type_identifier")
                if name is None:
                    continue
                parent = self.project.type(name) or self.project.value(name)
                if parent is not None and parent.kind in {"class", "interface"}:
                    waiting.append(parent)

    def extends_foreign(self, declaration: Declaration) -> str | None:
        """Return the name of the class outside the unit that a class extends in the end."""
        for one in self.lineage(declaration):
            for base in heritage(one)[0]:
                name = base if base.kind in {"identifier", "type_identifier"} else base.child("type_identifier")
                if name is None:
                    return base.text.rpartition(".")[2]
                parent = self.project.type(name) or self.project.value(name)
                if parent is None or parent.kind == "import":
                    return imported(parent)[1] if parent is not None else name.text
        return None

    def _inherited(self, kind: Kind | None, name: str) -> Kind | None:
        if isinstance(kind, Instance) and name in {"ctx", "state"}:
            return (
                ObjectState() if self.extends_foreign(kind.declaration) == "DurableObject" and name == "ctx" else None
            )
        if isinstance(kind, Instance) and name == "env":
            for one in self.lineage(kind.declaration):
                arguments = next((node for node in one.owner.children if node.kind == "class_heritage"), None)
                for node in arguments.walk() if arguments is not None else ():
                    if node.kind == "type_arguments" and node.parts:
                        return self.written(node.parts[0])
        return None

    def _member_kind(self, node: Node) -> Kind | None:
        if node.kind in {"method_definition", "method_signature", "abstract_method_signature"}:
            if node.child("get") is not None:
                return self.returned(node)
            return Callable(node)
        if node.kind == "assignment_expression":
            right = node.field("right")
            return self.of(right) if right is not None else None
        if node.kind == "pair":
            value = node.field("value")
            return self.of(value) if value is not None else None
        annotation, value = node.field("type"), node.field("value")
        kind = self.written(annotation) if annotation is not None else None
        if annotation is None and value is not None:
            kind = self.of(value)
        if annotation is None and value is None and node.kind in {"public_field_definition", "field_definition"}:
            kind = self._assigned(node)
        if isinstance(kind, Plain) and node.child("?") is not None:
            kind = Plain(kind.names | {"undefined"})
        if isinstance(kind, Prepared) and kind.call is None:
            return self._prepared_where_assigned(node) or kind
        return kind

    def _assigned(self, node: Node) -> Kind | None:
        owner, name = (
            node.enclosing(frozenset({"class_declaration", "class", "abstract_class_declaration"})),
            member_name(node),
        )
        assigned = next(field_assignments(owner, name), None) if owner is not None and name is not None else None
        return self._member_kind(assigned) if assigned is not None else None

    def _prepared_where_assigned(self, node: Node) -> Kind | None:
        value = node.field("value")
        kind = self.of(value) if value is not None else self._assigned(node)
        return kind if isinstance(kind, Prepared) and kind.call is not None else None

    def returned(self, function: Node) -> Kind | None:
        """Return what a call of a function gives."""
        annotation = function.field("return_type")
        if annotation is not None:
            return self.written(annotation)
        if function.kind in {"function_type", "method_signature"}:
            return self.written(function.parts[-1]) if function.kind == "function_type" else None
        kind = self._once(function, lambda: self._returned_value(function), about="return")
        return Promised(kind) if function.child("async") is not None else kind

    def _returned_value(self, function: Node) -> Kind | None:
        body = function.field("body")
        if body is None:
            return None
        if body.kind != "statement_block":
            return self.of(body)
        for node in body.walk():
            if node.kind == "return_statement" and node.function is function and node.parts:
                kind = self.of(node.parts[0])
                if kind is not None:
                    return kind
        return None
