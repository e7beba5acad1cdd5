"""All that a file does with databases: each use is classified once, by where the database's expression stands."""

from dataclasses import replace

from repo_agent_dagster.migration.refactor.extraction.chains import FINISHERS, unroll
from repo_agent_dagster.migration.refactor.extraction.cursors import of_cursor
from repo_agent_dagster.migration.refactor.extraction.operations import (
    Dropped,
    Obstacle,
    Operation,
    SchemaUse,
    Uses,
)
from repo_agent_dagster.migration.refactor.extraction.placing import (
    callee,
    holds_statement,
    is_name_only,
    is_root,
    is_within,
    whole_statement,
)
from repo_agent_dagster.migration.refactor.extraction.statements import Result, of_exec, of_terminal
from repo_agent_dagster.migration.refactor.extraction.transactions import of_batch, of_transaction
from repo_agent_dagster.migration.refactor.inference.kinds import Cursor, Handle, Kind, ObjectStorage, Prepared
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.scopes import parameters
from repo_agent_dagster.migration.refactor.syntax.tree import Node, SourceFile, arguments, unwrapped, wrapping

_EXPRESSIONS = frozenset(
    {
        "identifier", "member_expression", "call_expression", "new_expression", "await_expression", "this",
        "shorthand_property_identifier", "subscript_expression", "ternary_expression", "binary_expression",
    }
)  # fmt: skip
_PASSES_ON = frozenset({"ternary_expression", "binary_expression", "await_expression"})
_EXECS = {"d1": {"exec"}, "bun:sqlite": {"run", "exec"}, "better-sqlite3": {"exec"}, "node:sqlite": {"exec"}}
_FLOWS = frozenset(
    {
        "variable_declarator", "required_parameter", "optional_parameter", "public_field_definition",
        "field_definition", "return_statement", "arrow_function", "assignment_expression",
        "assignment_pattern", "export_statement",
        "expression_statement", "augmented_assignment_expression", "object_assignment_pattern",
    }
)  # fmt: skip
_TESTS = frozenset({"unary_expression", "binary_expression", "if_statement", "while_statement", "ternary_expression"})


class FileUses:
    """Reads one file."""

    def __init__(self, file: SourceFile, types: Types) -> None:
        self._file, self._types = file, types
        self.uses = Uses()
        self._consumed: list[Node] = []

    def read(self) -> Uses:
        """Return all uses of databases in the file, in the order of the text."""
        for node in self._file.root.walk():
            if node.parent is not None and node.parent.kind in {"object_pattern", "pair_pattern"}:
                self._taken_apart(node)
                continue
            if node.kind not in _EXPRESSIONS or is_name_only(node):
                continue
            kind = self._types.of(node)
            if isinstance(kind, Handle) and self._is_whole(node, Handle):
                self._handle(node, kind)
            elif isinstance(kind, Prepared) and self._is_whole(node, Prepared):
                self._prepared(node, kind)
            elif isinstance(kind, Cursor) and node.kind == "call_expression" and kind.call is node:
                self._cursor(node)
            elif isinstance(kind, ObjectStorage):
                self._storage(node)
        inside = self._consumed
        self.uses.operations = [one for one in self.uses.operations if not is_within(one.node, inside)]
        self.uses.obstacles = [one for one in self.uses.obstacles if not is_within(one.node, inside)]
        self.uses.prepared = [one for one in self.uses.prepared if not is_within(one, inside)]
        return self.uses

    def _taken_apart(self, node: Node) -> None:
        """``const { sql } = ctx.storage``: nothing else can give the database there; ``const { DB } = env`` is fine."""
        if node.kind not in {"identifier", "shorthand_property_identifier_pattern"}:
            return
        declaration = self._types.project.scopes(node.file).value(node)
        if declaration is not None and declaration.node is node:
            kind = self._types.declared(declaration)
            if isinstance(kind, Handle) and declaration.path and declaration.path[-1] not in self._types.d1_names:
                self._obstacle(node, "the database is taken out of an object by a pattern")

    def _is_whole(self, node: Node, kind: type) -> bool:
        """Whether an expression is not a part of a wider one that is the same database or statement."""
        outer = wrapping(node)
        parent = outer.parent
        return parent is None or parent.kind not in _PASSES_ON or not isinstance(self._types.of(parent), kind)

    def _add(self, found: Result, uses: dict[Node, Node] | None = None) -> None:
        if isinstance(found, Operation):
            self.uses.operations.append(found)
            self.uses.later.update(uses or {})
        elif isinstance(found, Obstacle):
            self.uses.obstacles.append(found)
        elif isinstance(found, SchemaUse | Dropped):
            statement = whole_statement(found.node)
            if statement is None:
                sql = found.sql if isinstance(found, Dropped) else "; ".join(found.sql)
                self.uses.obstacles.append(Obstacle(found.node, "its result is used, and the call should go away", sql))
            elif isinstance(found, SchemaUse):
                self.uses.schema.append(found)
            else:
                self.uses.dropped.append(found)

    # --- databases ----------------------------------------------------------------------------------------------

    def _handle(self, node: Node, kind: Handle) -> None:
        outer = wrapping(node)
        parent = outer.parent
        if node.kind == "new_expression" or is_root(node, self._types):
            self.uses.creations.append(node)
        self._comes_from(node)
        if parent is None:
            return
        if parent.kind == "member_expression" and parent.field("object") is outer:
            call, name = parent.parent, parent.field("property")
            if call is not None and name is not None and call.field("function") is parent:
                self._handle_call(node, kind, call, name.text)
            else:
                self._obstacle(parent, f"{parent.text} is no statement")
            return
        if parent.kind == "assignment_expression" and parent.field("left") is outer:
            return
        self._hand_on(outer, parent, kind)

    def _comes_from(self, node: Node) -> None:
        """Note the file that declares what gives the database: a constant, a field, a function."""
        inner = unwrapped(node)
        if inner.kind in {"identifier", "shorthand_property_identifier"}:
            declaration = self._types.project.value(inner)
            if declaration is not None:
                self.uses.flows.add(declaration.file.path)
        elif inner.kind == "member_expression" and not is_root(inner, self._types):
            owner, name = inner.field("object"), inner.field("property")
            declared = self._types.member(self._types.of(owner), name.text) if owner is not None and name else None
            if declared is not None:
                self.uses.flows.add(declared.file.path)
        elif inner.kind == "call_expression":
            target = self._types.target(inner)
            if target is not None:
                self.uses.flows.add(target.file.path)

    def _handle_call(self, node: Node, kind: Handle, call: Node, name: str) -> None:
        api = kind.api
        if isinstance(self._types.of(call), Prepared | Cursor):
            return  # read where the statement is run
        if api == "durable-object":
            self._obstacle(call, f"sql.{name}() has no counterpart")
        elif name in _EXECS[api]:
            mode = {"d1": "d1-exec", "bun:sqlite": "changes"}.get(api, "nothing")
            self._add(of_exec(call, node, name, api, self._types, mode))  # type: ignore[arg-type]
        elif name == "batch" and api == "d1":
            self._add(of_batch(call, node, self._types))
            self._consumed.append(call.field("arguments") or call)
        elif name == "transaction" and api in {"bun:sqlite", "better-sqlite3"}:
            self._transaction(call, node, api)
        elif name in {"close", "open"} and api != "d1":
            self._add(Dropped(call, None, None, name))
        elif name == "pragma":
            self._add(Dropped(call, "D1 sets this for itself", arguments(call)[0].text if arguments(call) else None))
        else:
            self._obstacle(call, f".{name}() has no counterpart")

    def _transaction(self, call: Node, handle: Node, api: object) -> None:
        self._consumed.append(call)
        for found in of_transaction(call, handle, api, self._types):  # type: ignore[arg-type]
            self._add(found)
            if isinstance(found, Operation) and found.node is not call and not found.node.holds(call):
                self.uses.prepared.append(call)

    def _storage(self, node: Node) -> None:
        parent = wrapping(node).parent
        call = parent.parent if parent is not None and parent.kind == "member_expression" else None
        name = parent.field("property") if parent is not None and call is not None else None
        if call is None or name is None or call.field("function") is not parent:
            return
        if name.text == "transactionSync":
            self._transaction(call, node, "durable-object")

    def _hand_on(self, outer: Node, parent: Node, kind: Handle) -> None:
        """A database goes somewhere: it is no trouble where it goes to is known."""
        if parent.kind == "arguments" and parent.parent is not None:
            self._argument(outer, parent.parent, kind)
        elif parent.kind == "pair" or outer.kind == "shorthand_property_identifier":
            holder = parent.parent if parent.kind == "pair" else parent
            call = holder.parent.parent if holder is not None and holder.parent is not None else None
            into_call = holder is not None and holder.parent is not None and holder.parent.kind == "arguments"
            if into_call and call is not None and self._types.target(call) is None:
                self._obstacle(outer, f"the database is handed to {callee(call)}, which is not the unit's")
        elif parent.kind == "variable_declarator":
            name = parent.field("name")
            if name is not None and name.kind != "identifier":
                self._obstacle(outer, "the database is taken apart")
        elif parent.kind not in _FLOWS and parent.kind not in _TESTS and parent.kind != "parenthesized_expression":
            self._obstacle(outer, "the database is used as a value here")

    def _argument(self, outer: Node, call: Node, kind: Kind) -> None:
        target = self._types.target(call)
        index = next((at for at, one in enumerate(arguments(call)) if one is outer), 0)
        wanted = parameters(target)[index : index + 1] if target is not None else []
        if not wanted:
            self._obstacle(outer, f"the database is handed to {callee(call)}, which is not the unit's")
            return
        annotation = wanted[0].field("type")
        if annotation is not None and not isinstance(self._types.written(annotation), Handle):
            self._obstacle(outer, f"the database is handed to {callee(call)} as another type")
            return
        self.uses.flows.add(wanted[0].file.path)

    # --- statements ---------------------------------------------------------------------------------------------

    def _prepared(self, node: Node, kind: Prepared) -> None:
        outer = wrapping(node)
        parent = outer.parent
        if parent is None or (parent.kind == "assignment_expression" and parent.field("left") is outer):
            return
        if parent.kind == "member_expression" and parent.field("object") is outer:
            call, name = parent.parent, parent.field("property")
            if call is None or name is None or call.field("function") is not parent:
                self._obstacle(parent, f"{parent.text} is no statement")
            elif not isinstance(self._types.of(call), Prepared):
                self._run(node, kind, call, name.text)
            return
        if holds_statement(outer, parent):
            if kind.call is not None and not self._is_reassigned(outer, parent):
                self.uses.prepared.append(node)
            else:
                self._obstacle(node, "which statement this is depends on what ran before")
            return
        self._obstacle(node, "a prepared statement is handed on")

    def _run(self, node: Node, kind: Prepared, call: Node, name: str) -> None:
        if name in FINISHERS:
            self._add(Dropped(call, None, None, name))
            return
        prepared = unroll(kind, self._types)
        if prepared is None or self._is_let(unwrapped(node)):
            self._obstacle(call, "which statement this is cannot be told")
            return
        self.uses.flows.add(prepared.call.file.path)
        if prepared.row_type is None:
            prepared = replace(prepared, row_type=self._annotated_row(unwrapped(node), kind))
        self._add(of_terminal(prepared, call, name, kind.api, self._types))

    def _annotated_row(self, node: Node, kind: Prepared) -> str | None:
        """Return the row type of the field or constant that keeps a statement: ``Statement<Row, …>``."""
        owner, name = node.field("object"), node.field("property")
        if node.kind == "identifier":
            declaration = self._types.project.scopes(node.file).value(node)
            holder = declaration.owner if declaration is not None else None
        else:
            holder = self._types.member(self._types.of(owner), name.text) if owner is not None and name else None
        annotation = holder.field("type") if holder is not None and holder.file is node.file else None
        given = next((one for one in annotation.walk() if one.kind == "type_arguments"), None) if annotation else None
        index = 1 if kind.api == "better-sqlite3" else 0
        text = given.parts[index].text if given is not None and index < len(given.parts) else "unknown"
        return None if text in {"unknown", "any"} else text

    def _is_let(self, node: Node) -> bool:
        """Whether a statement is in a variable that is assigned again."""
        if node.kind != "identifier":
            return False
        scopes = self._types.project.scopes(node.file)
        declaration = scopes.value(node)
        if declaration is None or declaration.kind == "import":
            return False
        return any(
            one.parent is not None and one.parent.kind == "assignment_expression" and one.parent.field("left") is one
            for one in scopes.references(declaration)
        )

    def _is_reassigned(self, outer: Node, parent: Node) -> bool:
        if parent.kind != "assignment_expression":
            return False
        left = parent.field("left")
        return left is None or left.kind != "member_expression" or parent.function is None

    def _cursor(self, node: Node) -> None:
        for found, uses in of_cursor(node, self._types):
            self._add(found, uses)

    def _obstacle(self, node: Node, reason: str) -> None:
        self.uses.obstacles.append(Obstacle(node, reason))
