"""Who calls whom in the unit, and which functions share one type."""

from collections.abc import Iterable, Iterator

from repo_agent_dagster.migration.refactor.inference.kinds import Callable, Instance, Kind
from repo_agent_dagster.migration.refactor.inference.members import heritage, member_name
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.tree import CLASSES, FUNCTIONS, Node, SourceFile

SIGNATURES = frozenset({"function_type", "method_signature", "abstract_method_signature", "function_signature"})


class Callables:
    """The calls of each function, and the groups of functions and signatures that must stay of one type."""

    def __init__(self, files: Iterable[SourceFile], types: Types) -> None:
        self._types = types
        self._calls: dict[Node, list[Node]] = {}
        self._links: dict[Node, list[Node]] = {}
        self._values: dict[Node, list[Node]] = {}
        self.unknown: list[tuple[Node, str]] = []
        """Calls of methods on values of which nothing is known, with the method's name."""
        for file in files:
            for node in file.root.walk():
                self._read(node)

    def calls(self, function: Node) -> list[Node]:
        """Return the calls of a function, or through a signature."""
        return self._calls.get(function, [])

    def values(self, function: Node) -> list[Node]:
        """Return the places where a function is named without being called."""
        return self._values.get(function, [])

    def group(self, function: Node) -> list[Node]:
        """Return the functions and signatures that must have one type with a function, itself first."""
        found, waiting = {function: None}, [function]
        while waiting:
            for other in self._links.get(waiting.pop(), ()):
                if other not in found:
                    found[other] = None
                    waiting.append(other)
        return list(found)

    def _read(self, node: Node) -> None:
        if node.kind in {"call_expression", "new_expression"}:
            target = self._types.target(node)
            if target is not None:
                self._calls.setdefault(target, []).append(node)
            elif node.kind == "call_expression":
                self._unknown(node)
        elif node.kind in {"arrow_function", "function_expression"}:
            self._link(node, self._types.expected(node))
        elif node.kind == "method_definition":
            for kind in self._declared_by(node):
                self._link(node, kind)
        elif node.kind in {"identifier", "shorthand_property_identifier", "member_expression"}:
            self._value(node)

    def _unknown(self, call: Node) -> None:
        function = call.field("function")
        if function is not None and function.kind == "member_expression":
            owner, name = function.field("object"), function.field("property")
            if owner is not None and name is not None and self._types.of(owner) is None:
                self.unknown.append((call, name.text))

    def _value(self, node: Node) -> None:
        parent = node.parent
        if parent is None or parent.field("function") is node or parent.field("name") is node:
            return
        if parent.kind in {
            "import_specifier",
            "export_specifier",
            "import_clause",
            "member_expression",
            "new_expression",
        }:
            return
        kind = self._types.of(node)
        if not isinstance(kind, Callable) or kind.node.kind not in FUNCTIONS:
            return
        expected = self._types.expected(node)
        if isinstance(expected, Callable):
            self._link(kind.node, expected)
        else:
            self._values.setdefault(kind.node, []).append(node)

    def _declared_by(self, method: Node) -> Iterator[Kind | None]:
        """Yield what the interfaces and base classes of a method's class say of it."""
        name = member_name(method)
        holder = method.parent
        if name is None or name == "constructor" or holder is None:
            return
        if holder.kind == "object":
            yield self._types.property(self._types.expected(holder), name)
            return
        owner = method.enclosing(CLASSES)
        own_name = owner.field("name") if owner is not None else None
        declaration = self._types.project.scopes(method.file).type(own_name) if own_name is not None else None
        if declaration is None:
            return
        extends, implements = heritage(declaration)
        for base in (*extends, *implements):
            named = base if base.kind in {"identifier", "type_identifier"} else base.child("type_identifier")
            parent = self._types.project.type(named) if named is not None else None
            if parent is not None and parent.kind in {"class", "interface"}:
                yield self._types.property(Instance(parent), name)
            elif base.kind != "identifier":
                yield self._types.property(self._types.written(base), name)

    def _link(self, function: Node, kind: Kind | None) -> None:
        if not isinstance(kind, Callable) or kind.node is function:
            return
        if kind.node.kind in SIGNATURES and admits_promise(return_type(kind.node)):
            return
        self._links.setdefault(function, []).append(kind.node)
        self._links.setdefault(kind.node, []).append(function)


def return_type(function: Node) -> Node | None:
    """Return the type node of what a function or a signature gives, without its colon."""
    if function.kind == "function_type":
        return function.parts[-1] if function.parts else None
    annotation = function.field("return_type")
    return annotation.parts[0] if annotation is not None and annotation.parts else None


def admits_promise(node: Node | None) -> bool:
    """Whether a return type holds a promise, alone or as one of several."""
    if node is None:
        return False
    if node.kind == "union_type":
        return any(admits_promise(part) for part in node.parts)
    if node.kind == "parenthesized_type":
        return admits_promise(node.parts[0])
    return node.kind == "generic_type" and node.parts[0].text in {"Promise", "PromiseLike"}
