"""Which functions must become asynchronous, and which calls must wait, once a database call is an RPC call."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from repo_agent_dagster.migration.refactor.extraction.operations import Obstacle
from repo_agent_dagster.migration.refactor.inference.kinds import Listed
from repo_agent_dagster.migration.refactor.inference.members import member_name
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.scopes import parameters
from repo_agent_dagster.migration.refactor.syntax.tree import FUNCTIONS, Node, arguments, called_member, wrapping
from repo_agent_dagster.migration.refactor.worker.callables import SIGNATURES, Callables, admits_promise, return_type

_SYNCHRONOUS = frozenset(
    {
        "filter", "some", "every", "find", "findIndex", "findLast", "findLastIndex", "reduce", "reduceRight", "sort",
        "flatMap", "toSorted", "replace", "replaceAll", "from", "parse", "stringify", "transaction", "transactionSync",
        "groupBy",
    }
)  # fmt: skip
"""Functions that use at once what their callback gives: it cannot be a promise."""
_BY_LANGUAGE = frozenset(
    {"toJSON", "toString", "valueOf", "Symbol.iterator", "Symbol.toPrimitive", "Symbol.dispose", "then"}
)
_CHAINED = frozenset({"then", "catch", "finally"})
_GENERATORS = frozenset({"generator_function", "generator_function_declaration"})
_BUILT_IN = frozenset(
    {
        "get", "set", "add", "has", "delete", "clear", "push", "pop", "find", "close", "open", "run", "all", "list",
        "keys", "values", "entries", "map", "filter", "forEach", "update", "insert", "remove", "create",
        "save", "count", "end",
        "fetch", "alarm", "scheduled", "queue",
    }
)  # fmt: skip
"""Method names so common that a call on an unknown value is mostly somebody else's."""


@dataclass
class AsyncPlan:
    """What waiting asks for. Each node is in the tree of its own file."""

    awaited: dict[Node, None] = field(default_factory=dict)
    functions: dict[Node, None] = field(default_factory=dict)
    signatures: dict[Node, None] = field(default_factory=dict)
    gathered: dict[Node, None] = field(default_factory=dict)
    """Calls of `map` whose callback now gives promises."""
    loops: dict[Node, Node] = field(default_factory=dict)
    """Calls of `forEach` that become loops, with their callbacks."""
    troubles: list[tuple[str, Obstacle]] = field(default_factory=list)
    """What cannot wait, with the file whose database call asks for it."""


def plan_async(seeds: Iterable[Node], callables: Callables, types: Types) -> AsyncPlan:
    """Return what must become asynchronous so that the seeds can be awaited."""
    planner = _Planner(callables, types)
    for seed in seeds:
        planner.wait_for(seed, seed.file.path)
    return planner.plan


class _Planner:
    def __init__(self, callables: Callables, types: Types) -> None:
        self._callables, self._types = callables, types
        self.plan = AsyncPlan()

    def wait_for(self, node: Node, origin: str) -> None:
        """Await an expression where it stands, and go on with the function around it."""
        if node in self.plan.awaited or is_awaited(node):
            return
        self.plan.awaited[node] = None
        self._around(node, origin)

    def _around(self, node: Node, origin: str) -> None:
        for one in node.ancestors():
            if one.kind in FUNCTIONS:
                if _in_parameters(node, one):
                    self._trouble(node, "a parameter's default cannot wait", origin)
                else:
                    self._make_async(one, origin)
                return
            if one.kind in {"public_field_definition", "field_definition", "class_static_block"}:
                self._trouble(node, "a class's field cannot wait while it is made; do it in a method", origin)
                return
        self._trouble(node, "a module may not call a binding while it loads; do it in a function", origin)

    def _make_async(self, function: Node, origin: str) -> None:
        if function in self.plan.functions or is_async(function):
            return
        name = member_name(function) if function.kind == "method_definition" else None
        if name == "constructor" and function.parent is not None and function.parent.kind == "class_body":
            self._trouble(function, "a constructor cannot wait; move the statement into a method", origin)
            return
        if function.child("get", "set") is not None:
            self._trouble(function, f"the accessor {name} cannot wait; make it a method", origin)
            return
        if function.kind in _GENERATORS or function.child("*") is not None:
            self._trouble(function, "a generator would become asynchronous, and so its loops", origin)
            return
        called = _property_name(function)
        if called in _BY_LANGUAGE:
            self._trouble(function, f"JavaScript calls {called}() by itself and does not wait", origin)
            return
        annotation = return_type(function)
        if annotation is not None and annotation.kind in {"type_predicate", "asserts", "this_type"}:
            self._trouble(function, "its return type cannot be a promise", origin)
            return
        if self._as_callback(function, origin):
            return
        self.plan.functions[function] = None
        for member in self._callables.group(function):
            if member.kind in SIGNATURES:
                self.plan.signatures[member] = None
            elif member is not function:
                self._make_async(member, origin)
            for call in self._callables.calls(member):
                self.wait_for(call, origin)

    def _as_callback(self, function: Node, origin: str) -> bool:
        """Handle a function that a list's method calls; tell whether there is nothing more to do."""
        outer = wrapping(function)
        call = outer.parent.parent if outer.parent is not None and outer.parent.kind == "arguments" else None
        called = called_member(call) if call is not None else None
        if call is None or called is None or self._types.target(call) is not None:
            return False
        owner, name = called
        if name == "map":
            if call not in self.plan.gathered:
                self.plan.functions[function] = None
                self.plan.gathered[call] = None
                if not is_gathered(call):
                    self._around(call, origin)
            return True
        if name == "forEach":
            return self._loop(call, owner, function, origin)
        if name in _SYNCHRONOUS:
            self._trouble(function, f"the callback of .{name}() cannot wait", origin)
            return True
        return False

    def _loop(self, call: Node, owner: Node, function: Node, origin: str) -> bool:
        listed = isinstance(self._types.of(owner), Listed)
        taken = parameters(function)
        body = function.field("body")
        pattern = (taken[0].field("pattern") or taken[0]) if len(taken) == 1 else None
        returns = [one for one in function.walk() if one.kind == "return_statement" and one.function is function]
        statement = call.parent is not None and call.parent.kind == "expression_statement"
        plain = function.kind == "arrow_function" and pattern is not None and pattern.kind != "assignment_pattern"
        if not (listed and plain and statement and body is not None and not returns and len(arguments(call)) == 1):
            self._trouble(function, "the callback of .forEach() cannot wait; make it a for loop", origin)
            return True
        if call not in self.plan.loops:
            self.plan.loops[call] = function
            self._around(call, origin)
        return True

    def _trouble(self, node: Node, reason: str, origin: str) -> None:
        self.plan.troubles.append((origin, Obstacle(node, reason, hides=False)))

    def unsure(self) -> list[tuple[Node, str]]:
        """Return calls on unknown values that may mean a method that is now asynchronous."""
        return unsure_calls(self.plan, self._callables)


def unsure_calls(plan: AsyncPlan, callables: Callables) -> list[tuple[Node, str]]:
    """Return calls on values of which nothing is known whose name is that of a method that is now asynchronous."""
    names = {
        name
        for function in plan.functions
        if function.kind == "method_definition" and (name := member_name(function)) is not None
    }
    return [(call, name) for call, name in callables.unknown if name in names - _BUILT_IN and not is_awaited(call)]


def is_async(function: Node) -> bool:
    """Whether a function is declared `async`."""
    return any(child.kind == "async" for child in function.children)


def is_awaited(node: Node) -> bool:
    """Whether an expression is awaited already, or chained as a promise."""
    outer = wrapping(node)
    parent = outer.parent
    if parent is None:
        return False
    if parent.kind == "await_expression":
        return True
    called = called_member(parent.parent) if parent.kind == "member_expression" and parent.parent is not None else None
    return called is not None and called[0] is outer and called[1] in _CHAINED


def is_gathered(call: Node) -> bool:
    """Whether a list of promises is waited for already: it is an argument of ``Promise.all``."""
    parent = call.parent
    called = (
        called_member(parent.parent) if parent is not None and parent.kind == "arguments" and parent.parent else None
    )
    return called is not None and called[0].text == "Promise"


def _property_name(function: Node) -> str | None:
    """Return the name under which an object or a class has a function."""
    holder = function if function.kind == "method_definition" else function.parent
    if holder is None or holder.kind not in {"method_definition", "pair", "public_field_definition"}:
        return None
    name = holder.field("name") or holder.field("key")
    return None if name is None else name.text.strip("[]'\"")


def _in_parameters(node: Node, function: Node) -> bool:
    found = function.field("parameters")
    return found is not None and found.holds(node)


def needs_parentheses(node: Node) -> bool:
    """Whether ``await x`` must stand in parentheses where x stands."""
    parent = node.parent
    if parent is None:
        return False
    if parent.kind in {"member_expression", "subscript_expression"}:
        return parent.field("object") is node
    if parent.kind in {"call_expression", "new_expression"}:
        return parent.field("function") is node or parent.field("constructor") is node
    return parent.kind == "non_null_expression"


def promised(function: Node) -> str | None:
    """Return the new return type of a function or signature that becomes asynchronous, None where none is written."""
    node = return_type(function)
    if node is None:
        return None
    if not admits_promise(node):
        return f"Promise<{node.text}>"
    if node.kind != "union_type":
        return node.text
    parts: dict[str, None] = {}
    for part in node.parts:
        inner = part.child("type_arguments") if admits_promise(part) else None
        parts[inner.parts[0].text if inner is not None and inner.parts else part.text] = None
    return f"Promise<{' | '.join(parts)}>"
