"""What an expression is: the part of `Types` that reads values rather than declarations."""

from collections.abc import Callable as Function
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.refactor.inference import known
from repo_agent_dagster.migration.refactor.inference.kinds import (
    Callable,
    ClassValue,
    Cursor,
    DatabaseClass,
    Foreign,
    Handle,
    Instance,
    Keyed,
    Kind,
    Listed,
    Namespace,
    Plain,
    Prepared,
    Promised,
    Shape,
    plain,
)
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration
from repo_agent_dagster.migration.refactor.syntax.tree import CLASSES, FUNCTIONS, Node, arguments, called_member, member

if TYPE_CHECKING:
    from repo_agent_dagster.migration.refactor.syntax.project import Project
    from repo_agent_dagster.migration.refactor.syntax.scopes import Step

_LITERALS: dict[str, Kind] = {
    "string": plain("string"),
    "template_string": plain("string"),
    "number": plain("number"),
    "true": plain("boolean"),
    "false": plain("boolean"),
    "null": plain("null"),
    "undefined": plain("undefined"),
}
_PREPARES = {
    "d1": {"prepare"},
    "bun:sqlite": {"query", "prepare"},
    "better-sqlite3": {"prepare"},
    "node:sqlite": {"prepare"},
}
_ELEMENTS = frozenset({"find", "findLast", "at", "pop", "shift"})
_SAME_LIST = frozenset({"filter", "slice", "sort", "reverse", "concat", "toSorted", "toReversed"})
_EMPTY = frozenset({"null", "undefined"})
_DEEP = 150
"""Questions inside questions; an expression that needs more is not known."""
_OWN_THIS = FUNCTIONS - {"arrow_function"}


class Expressions:
    """Reads expressions; what it needs of declarations and written types, `Types` has."""

    project: "Project"
    d1_names: frozenset[str]
    _kinds: dict[tuple[str, int], Kind | None]
    _busy: set[tuple[str, int]]

    def written(self, node: Node | None) -> Kind | None:
        """Return what a type stands for."""
        raise NotImplementedError

    def declared(self, declaration: Declaration) -> Kind | None:
        """Return what a name is."""
        raise NotImplementedError

    def property(self, kind: Kind | None, name: str) -> Kind | None:
        """Return what a property is."""
        raise NotImplementedError

    def returned(self, function: Node) -> Kind | None:
        """Return what a call gives."""
        raise NotImplementedError

    def along(self, kind: Kind | None, path: "tuple[Step, ...]") -> Kind | None:
        """Return what destructuring gives."""
        raise NotImplementedError

    def _union(self, kinds: list[Kind | None]) -> Kind | None:
        raise NotImplementedError

    def _once(self, node: Node, work: Function[[], Kind | None], *, about: str) -> Kind | None:
        """Work an answer about a node out once; a question inside its own answer is None."""
        key = (about, id(node))
        if key in self._kinds:
            return self._kinds[key]
        if key in self._busy or len(self._busy) > _DEEP:
            return None
        self._busy.add(key)
        try:
            self._kinds[key] = work()
        finally:
            self._busy.discard(key)
        return self._kinds[key]

    def of(self, node: Node) -> Kind | None:
        """Return what an expression is, or None."""
        if node.kind in _LITERALS:
            return _LITERALS[node.kind]
        if node.kind in {"arrow_function", "function_expression"}:
            return Callable(node)
        if node.kind == "object":
            return Shape(node)
        return self._once(node, lambda: self._of(node), about="value")

    def _of(self, node: Node) -> Kind | None:
        kind = node.kind
        if kind in {"identifier", "shorthand_property_identifier"}:
            declaration = self.project.value(node)
            return self.declared(declaration) if declaration is not None else None
        if kind == "this":
            return self._this(node)
        if kind == "member_expression":
            return self._member(node)
        if kind in {"parenthesized_expression", "non_null_expression"} and node.parts:
            inner = self.of(node.parts[0])
            return Plain(inner.names - _EMPTY) if kind == "non_null_expression" and isinstance(inner, Plain) else inner
        if kind == "satisfies_expression":
            return self.of(node.parts[0])
        if kind == "as_expression":
            return self.written(node.parts[1]) if len(node.parts) > 1 else self.of(node.parts[0])
        if kind == "await_expression":
            inner = self.of(node.parts[0]) if node.parts else None
            return inner.of if isinstance(inner, Promised) else inner
        if kind == "call_expression":
            return self._call(node)
        if kind == "new_expression":
            return self._new(node)
        if kind == "array":
            return Listed(self.of(node.parts[0]) if node.parts else None)
        if kind == "subscript_expression":
            owner = node.field("object")
            element = self._element(self.of(owner)) if owner is not None else None
            return Plain(element.names | {"undefined"}) if isinstance(element, Plain) else element
        if kind == "ternary_expression":
            return self._union(
                [self.of(part) for part in (node.field("consequence"), node.field("alternative")) if part]
            )
        if kind == "binary_expression":
            return self._binary(node)
        if kind in {"unary_expression", "update_expression"}:
            operator = node.children[0].text
            return {"!": plain("boolean"), "typeof": plain("string"), "void": plain("undefined")}.get(
                operator, plain("number") if operator == "+" else None
            )
        if kind in {"assignment_expression", "augmented_assignment_expression"}:
            right = node.field("right")
            return self.of(right) if right is not None and kind == "assignment_expression" else None
        return None

    def _this(self, node: Node) -> Kind | None:
        """Return what `this` is: it is the class's or the object's around the nearest function that is no arrow."""
        function = next((one for one in node.ancestors() if one.kind in _OWN_THIS), None)
        static = function is not None and function.child("static") is not None
        if function is not None and function.kind != "method_definition":
            pair = function.parent
            return Shape(pair.parent) if pair is not None and pair.kind == "pair" and pair.parent is not None else None
        if function is not None and function.parent is not None and function.parent.kind == "object":
            return Shape(function.parent)
        owner = node.enclosing(CLASSES)
        name = owner.field("name") if owner is not None else None
        declaration = self.project.scopes(node.file).type(name) if name is not None else None
        if declaration is None:
            return None
        return ClassValue(declaration) if static else Instance(declaration)

    def _member(self, node: Node) -> Kind | None:
        parts = member(node)
        if parts is None:
            return None
        owner, name = parts
        kind = self.of(owner)
        found = self.property(kind, name)
        if found is None and kind is None and name in self.d1_names and self._looks_like_env(owner):
            return Handle("d1")
        if found is None and name == "length":
            return plain("number")
        if isinstance(found, Plain) and node.child("optional_chain") is not None:
            return Plain(found.names | {"undefined"})
        return found

    @staticmethod
    def _looks_like_env(owner: Node) -> bool:
        """Whether an expression of unknown type is what every Workers example calls its bindings: `env`, `c.env`."""
        if owner.kind == "identifier":
            return owner.text == "env"
        parts = member(owner)
        return parts is not None and parts[1] in {"env", "bindings"}

    def _binary(self, node: Node) -> Kind | None:
        left, right = node.field("left"), node.field("right")
        operator = node.field("operator")
        if left is None or right is None or operator is None:
            return None
        kinds = [self.of(left), self.of(right)]
        if operator.text in {"??", "||"}:
            first = kinds[0]
            if isinstance(first, Plain):
                first = Plain(first.names - _EMPTY)
            return self._union([first, kinds[1]])
        if operator.text in {"===", "!==", "==", "!=", "<", ">", "<=", ">=", "in", "instanceof"}:
            return plain("boolean")
        if operator.text in {"-", "*", "/", "%", "**", "|", "&", "^", "<<", ">>", ">>>"}:
            bigint = any(isinstance(kind, Plain) and "bigint" in kind.names for kind in kinds)
            return None if bigint else plain("number")
        if operator.text == "+" and all(isinstance(kind, Plain) for kind in kinds):
            names = [kind.names for kind in kinds if isinstance(kind, Plain)]
            if any(one == {"string"} for one in names):
                return plain("string")
            if all(one == {"number"} for one in names):
                return plain("number")
        return None

    def _new(self, node: Node) -> Kind | None:
        constructor = node.field("constructor")
        if constructor is None:
            return None
        kind = self.of(constructor)
        if isinstance(kind, DatabaseClass):
            return Handle(kind.api)
        if isinstance(kind, ClassValue):
            return Instance(kind.declaration)
        if constructor.kind == "identifier" and self.project.value(constructor) is None:
            given = node.child("type_arguments")
            parts = given.parts if given is not None else []
            if constructor.text == "Map":
                return Keyed(self.written(parts[1]) if len(parts) > 1 else None)
            if constructor.text in {"Set", "Array"}:
                return Listed(self.written(parts[0]) if parts else None)
            return known.GLOBAL_TYPES.get(constructor.text) or Foreign(constructor.text)
        return None

    def _call(self, node: Node) -> Kind | None:
        function = node.field("function")
        if function is None:
            return None
        if function.kind == "import":
            given = arguments(node)
            path = self.project.resolve(given[0].text[1:-1], node.file.path) if given else None
            return Promised(Namespace(path)) if path is not None else None
        kind = self.of(function)
        if isinstance(kind, Callable):
            return self.returned(kind.node)
        called = called_member(node)
        if called is None:
            if function.kind == "identifier" and self.project.value(function) is None:
                return known.GLOBAL_CALLS.get(function.text)
            if isinstance(kind, DatabaseClass):
                return Handle(kind.api)  # better-sqlite3 is a function too
            return known.GLOBAL_CALLS.get(function.text) if function.text == "randomUUID" else None
        owner, name = called
        return self._method_call(node, owner, name, self.of(owner))

    def _method_call(self, node: Node, owner: Node, name: str, kind: Kind | None) -> Kind | None:
        if isinstance(kind, Handle):
            if kind.api == "durable-object":
                return Cursor(node) if name == "exec" else None
            if name == "withSession" and kind.api == "d1":
                return kind
            return Prepared(kind.api, node) if name in _PREPARES[kind.api] else None
        if isinstance(kind, Prepared) and name in {"bind", "pluck", "raw", "expand", "safeIntegers"} and kind.call:
            chained = name == "bind" or (kind.api == "better-sqlite3" and name != "bind")
            return Prepared(kind.api, node) if chained else None
        if isinstance(kind, Cursor):
            return None
        if isinstance(kind, Keyed):
            return kind.of if name == "get" else Listed(kind.of) if name == "values" else None
        if isinstance(kind, Listed):
            if name in _ELEMENTS:
                return kind.of
            if name in _SAME_LIST:
                return kind
        if isinstance(kind, Foreign) and kind.name in known.TEXTS_BY_NAME and name == "get":
            return plain("string", "null")
        if name == "json" and (given := node.child("type_arguments")) is not None and given.parts:
            return Promised(self.written(given.parts[0]))
        text = f"{owner.text}.{name}"
        if text in known.GLOBAL_CALLS and owner.kind == "identifier" and self.project.value(owner) is None:
            return known.GLOBAL_CALLS[text]
        if owner.text == "Math" and self.project.value(owner) is None:
            return plain("number")
        return known.METHOD_CALLS.get(name) if not isinstance(kind, Instance) else None

    @staticmethod
    def _element(kind: Kind | None) -> Kind | None:
        return kind.of if isinstance(kind, Listed | Keyed) else None
