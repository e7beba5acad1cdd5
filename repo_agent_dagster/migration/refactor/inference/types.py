"""What an expression, a type or a name is: followed through declarations, imports, calls and contexts."""

from collections.abc import Iterator

from repo_agent_dagster.migration.refactor.inference import known
from repo_agent_dagster.migration.refactor.inference.expressions import Expressions
from repo_agent_dagster.migration.refactor.inference.kinds import (
    Callable,
    ClassValue,
    DatabaseClass,
    Foreign,
    Handle,
    Instance,
    Keyed,
    Kind,
    Listed,
    ModuleEnv,
    Namespace,
    ObjectState,
    ObjectStorage,
    Plain,
    Prepared,
    Promised,
    Shape,
    plain,
)
from repo_agent_dagster.migration.refactor.inference.members import heritage, own_member
from repo_agent_dagster.migration.refactor.syntax.project import Project, imported
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration, Step
from repo_agent_dagster.migration.refactor.syntax.tree import FUNCTIONS, Node

_LISTS = frozenset({"Array", "ReadonlyArray", "Set", "ReadonlySet", "Iterable", "IterableIterator", "AsyncIterable"})
_MAPS = frozenset({"Map", "ReadonlyMap", "Record", "WeakMap"})
_SAME = frozenset({"Readonly", "Required", "Awaited", "NonNullable", "Partial", "Omit", "Pick"})


class Types(Expressions):
    """Answers about one project; every answer is worked out once. `d1_names` are bindings that the wrangler file has."""

    def __init__(self, project: Project, d1_names: frozenset[str]) -> None:
        self.project = project
        self.d1_names = d1_names
        self._kinds: dict[int, Kind | None] = {}
        self._busy: set[int] = set()

    # --- written types ------------------------------------------------------------------------------------------

    def written(self, node: Node | None) -> Kind | None:
        """Return what a type, as it is written, stands for."""
        if node is None:
            return None
        if node.kind in {"type_annotation", "parenthesized_type", "readonly_type"}:
            return self.written(node.parts[0]) if node.parts else None
        if node.kind in {"predefined_type", "literal_type"}:
            return self._literal_type(node)
        if node.kind == "template_literal_type":
            return plain("string")
        if node.kind == "array_type":
            return Listed(self.written(node.parts[0]))
        if node.kind == "tuple_type":
            return Listed(None)
        if node.kind == "object_type":
            return Shape(node)
        if node.kind in {"function_type", "constructor_type"}:
            return Callable(node)
        if node.kind == "union_type":
            return self._union([self.written(part) for part in _union_parts(node)])
        if node.kind == "generic_type":
            return self._generic(node)
        if node.kind == "type_identifier":
            return self._named_type(node)
        if node.kind == "nested_type_identifier":
            return self._nested_type(node)
        if node.kind == "type_query":
            name = node.child("identifier")
            return self.of(name) if name is not None else None
        return None

    def _literal_type(self, node: Node) -> Kind | None:
        text = node.text
        if text in known.PREDEFINED:
            return known.PREDEFINED[text]
        if text[:1] in {"'", '"', "`"}:
            return plain("string")
        return plain("number") if text[:1].isdigit() or text[:1] == "-" else None

    def _union(self, kinds: list[Kind | None]) -> Kind | None:
        empty = frozenset({"null", "undefined"})
        rest = [kind for kind in kinds if not (isinstance(kind, Plain) and kind.names <= empty)]
        if all(isinstance(kind, Plain) for kind in rest):
            return Plain(frozenset(name for kind in kinds if isinstance(kind, Plain) for name in kind.names))
        return rest[0] if len(rest) == 1 else None

    def _generic(self, node: Node) -> Kind | None:
        name = node.field("name") or node.parts[0]
        given = node.child("type_arguments")
        parts = given.parts if given is not None else []
        if name.kind == "type_identifier" and self.project.scopes(node.file).type(name) is None:
            if name.text in {"Promise", "PromiseLike"}:
                return Promised(self.written(parts[0]) if parts else None)
            if name.text in _LISTS:
                return Listed(self.written(parts[0]) if parts else None)
            if name.text in _MAPS:
                return Keyed(self.written(parts[1]) if len(parts) > 1 else None)
            if name.text in _SAME and parts:
                return self.written(parts[0])
        return self.written(name)

    def _named_type(self, node: Node) -> Kind | None:
        declaration = self.project.type(node)
        if declaration is None:
            return known.GLOBAL_TYPES.get(node.text) or Foreign(node.text)
        if declaration.kind == "import":
            return known.imported_type(*imported(declaration))
        if declaration.kind == "alias":
            return self._once(declaration.owner, lambda: self._alias(declaration))
        if declaration.kind in {"class", "interface"}:
            return Instance(declaration)
        return None

    def _alias(self, declaration: Declaration) -> Kind | None:
        value = declaration.owner.field("value")
        return self.written(value)

    def _nested_type(self, node: Node) -> Kind | None:
        module, name = node.field("module"), node.field("name")
        if module is None or name is None:
            return None
        declaration = self.project.scopes(node.file).type(module, module.text)
        if declaration is None or declaration.kind != "import":
            return None
        source, _ = imported(declaration)
        api = known.DATABASE_MODULES.get(source)
        return known.nested_type(api, name.text) if api is not None else known.imported_type(source, name.text)

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
            return self._once(declaration.node, lambda: self._declared_value(declaration))
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
        from repo_agent_dagster.migration.refactor.syntax.scopes import parameters

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
        if isinstance(kind, known.DatabaseModule):
            return known.member_of_module(kind.api, name)
        if isinstance(kind, DatabaseClass) and name in {"Database", "default"}:
            return kind
        node = self.member(kind, name)
        if node is None:
            return self._inherited(kind, name)
        return self._once(node, lambda: self._member_kind(node))

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
        from repo_agent_dagster.migration.refactor.inference.members import field_assignments, member_name

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
        kind = self._once(function, lambda: self._returned_value(function))
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


def _union_parts(node: Node) -> Iterator[Node]:
    for part in node.parts:
        if part.kind == "union_type":
            yield from _union_parts(part)
        else:
            yield part


__all__ = ["FUNCTIONS", "Types"]
