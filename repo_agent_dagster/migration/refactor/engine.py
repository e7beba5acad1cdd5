"""The D1-to-RPC refactoring of one unit: from its files and the orchestrator's to the files that change. No disk."""

import posixpath
import re
from collections.abc import Iterator, Mapping

from repo_agent_dagster.contracts.migration import D1ToRpc
from repo_agent_dagster.migration.refactor.consent import without_shared_objects
from repo_agent_dagster.migration.refactor.extraction.operations import Obstacle, Operation, Uses, Value
from repo_agent_dagster.migration.refactor.extraction.uses import FileUses
from repo_agent_dagster.migration.refactor.generation.methods import MethodPlan, Methods
from repo_agent_dagster.migration.refactor.generation.names import pascal, words_of
from repo_agent_dagster.migration.refactor.generation.orchestrator import Orchestrator, OrchestratorChanges
from repo_agent_dagster.migration.refactor.generation.wrangler import add_binding, find_wrangler
from repo_agent_dagster.migration.refactor.inference.kinds import Plain
from repo_agent_dagster.migration.refactor.inference.known import HINT
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.leaving import Left, spread
from repo_agent_dagster.migration.refactor.model import CallSite, ManualWork, Note, PublicChange, Refactoring
from repo_agent_dagster.migration.refactor.reporting import method_records, statement_records
from repo_agent_dagster.migration.refactor.sql.reading import StatementFacts, statement_kind
from repo_agent_dagster.migration.refactor.sql.schema import Schema, read_schema, schema_statement
from repo_agent_dagster.migration.refactor.sql.tokens import split_statements
from repo_agent_dagster.migration.refactor.syntax.project import Project
from repo_agent_dagster.migration.refactor.syntax.tree import Node
from repo_agent_dagster.migration.refactor.telling import Facts, notes_of
from repo_agent_dagster.migration.refactor.worker.asynchrony import AsyncPlan, plan_async, unsure_calls
from repo_agent_dagster.migration.refactor.worker.callables import Callables
from repo_agent_dagster.migration.refactor.worker.environment import d1_names
from repo_agent_dagster.migration.refactor.worker.members import Binding
from repo_agent_dagster.migration.refactor.worker.rewriting import WorkerChanges, WorkerRewriter
from repo_agent_dagster.migration.refactor.worker.waiting import public_changes

_IN_LIST = re.compile(r"\bIN\s*\(\s*:__value(\d+)__\s*\)", re.IGNORECASE)


def refactor_d1_to_rpc(
    unit_files: Mapping[str, bytes],
    target_files: Mapping[str, bytes],
    *,
    unit: str,
    destination: str,
    spec: D1ToRpc,
) -> Refactoring:
    """Move the unit's SQL into typed methods of the orchestrator and make the unit call them.

    All paths are relative to the target root. `unit_files` are the unit's files as they stand at the destination,
    `target_files` what the refactoring may read beside them: the orchestrator package whole, shared types, and the
    ambient declarations (``.d.ts``) that the unit is checked with. Where none of them declares ``cloudflare:workers``
    and the unit needs its `env`, a declaration is generated.
    """
    if not any(HINT.search(content) for content in unit_files.values()):
        return Refactoring()
    others = {path: content for path, content in target_files.items() if path not in unit_files}
    made = _Refactoring(unit_files, others, unit, destination, spec).run()
    return made if spec.shared_objects else without_shared_objects(made)


class _Refactoring:
    def __init__(
        self,
        unit_files: Mapping[str, bytes],
        target_files: Mapping[str, bytes],
        unit: str,
        destination: str,
        spec: D1ToRpc,
    ) -> None:
        self._unit, self._destination, self._spec = unit, destination, spec
        self._unit_files = unit_files
        self._project = Project(unit_files, target_files)
        self._wrangler = find_wrangler(destination, unit_files)
        bound = self._wrangler.bindings("d1_databases") if self._wrangler is not None else []
        named = frozenset(str(one["binding"]) for one in bound if "binding" in one)
        self._types = Types(self._project, named)
        self._types.d1_names = d1_names(self._types, named)
        self._types = Types(self._project, self._types.d1_names)
        self._orchestrator = Orchestrator(spec, unit, target_files)
        self._uses: dict[str, Uses] = {}
        self._left = Left()
        self._notes: list[Note] = []

    def run(self) -> Refactoring:
        """Read, decide what moves, and make the changes."""
        self._read()
        schema = self._schema()
        methods = Methods(self._types, schema)
        self._refuse_troubled(methods)
        callables = Callables(self._project.unit_sources(), self._types)
        waiting = self._settle(callables, schema, methods)
        moved = {path: uses for path, uses in self._uses.items() if path not in self._left and _is_used(uses)}
        planned: list[tuple[Operation, MethodPlan, tuple[Value, ...]]] = []
        for path in sorted(moved):
            for operation in sorted(moved[path].operations, key=lambda one: (one.node.start, one.node.end)):
                plan, values = methods.add(operation)
                planned.append((operation, plan, values))
        if not planned:
            return self._result(OrchestratorChanges(), {}, methods, planned, AsyncPlan(), callables, {})
        rewriter = WorkerRewriter(self._types, callables, self._binding(), moved)
        worker = rewriter.rewrite(planned, waiting, methods, self._unit)
        self._bind_service(worker)
        changes = self._orchestrator.change(methods, self._schema_statements(moved))
        self._notes += changes.notes
        facts = Facts(self._destination, self._spec.binding, self._orchestrator.file, self._wrangler, self._theirs)
        self._notes += notes_of(facts, moved, methods, schema, self._own, worker)
        changed = {path: content for path, content in worker.files.items() if content != self._unit_files.get(path)}
        return self._result(changes, changed, methods, planned, waiting, callables, moved)

    # --- reading ------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        for file in self._project.unit_sources():
            reader = FileUses(file, self._types)
            uses = reader.read()
            self._uses[file.path] = uses
            if uses.obstacles:
                self._left.obstacles[file.path] = list(uses.obstacles)
            elif file.error is not None and _is_used(uses):
                self._left.obstacles[file.path] = [Obstacle(file.error, "the parser does not understand this")]

    def _schema(self) -> Schema:
        """Return all tables that the unit's statements may be about; its own ones are what it says they are."""
        self._own = read_schema(self._schema_statements(self._uses))
        migrations = self._orchestrator.migrations()
        self._theirs = self._orchestrator.schema(migrations.others)
        earlier = self._orchestrator.schema(migrations.own)
        tables = {**self._theirs.tables, **earlier.tables, **self._own.tables}
        return Schema(tables, self._own.objects | self._theirs.objects)

    def _schema_statements(self, uses: Mapping[str, Uses]) -> list[str]:
        """Return the statements that make the unit's tables: those of its SQL files, and those that its code runs."""
        found = [
            sql
            for path, content in sorted(self._unit_files.items())
            if path.endswith(".sql")
            for sql in split_statements(content.decode("utf-8", "replace"))
            if (change := schema_statement(sql)) is not None and change.action != "drop"
        ]
        return found + [
            sql
            for path in sorted(uses)
            for one in uses[path].schema
            for sql in one.sql
            if statement_kind(sql) != "pragma"
        ]

    def _refuse_troubled(self, methods: Methods) -> None:
        for path, uses in self._uses.items():
            for operation in uses.operations:
                facts = methods.facts(operation)
                trouble = next((fact.trouble for fact in facts if fact.trouble), None)
                trouble = trouble or self._list_in(operation) or self._typed_value(operation, facts)
                known = trouble is None
                trouble = trouble or self._clash({table for fact in facts for table in fact.tables})
                if trouble is not None:
                    sql = "; ".join(statement.text.sql for statement in operation.statements)
                    self._left.add(path, Obstacle(operation.node, trouble, sql, hides=not known))

    def _list_in(self, operation: Operation) -> str | None:
        for statement in operation.statements:
            for match in _IN_LIST.finditer(statement.text.sql):
                value = statement.text.values[int(match[1])]
                kind = self._types.of(value[0]) if len(value) == 1 and isinstance(value[0], Node) else None
                if not isinstance(kind, Plain) or not kind.names <= {"number", "bigint"}:
                    return "a list is interpolated into IN (…); D1 takes json_each(?) for that"
        return None

    def _typed_value(self, operation: Operation, facts: tuple[StatementFacts, ...]) -> str | None:
        if operation.api != "bun:sqlite":
            return None
        for statement, fact in zip(operation.statements, facts, strict=True):
            for index in fact.typed:
                node = statement.value_nodes[index]
                kind = self._types.of(node) if node is not None else None
                if not isinstance(kind, Plain) or not kind.names <= {"string", "null", "bytes"}:
                    return "D1 binds every number as a real, which this SQL would see (7 / 2 is 3, 7 / 2.0 is 3.5)"
        return None

    def _clash(self, tables: set[str]) -> str | None:
        """Return why tables of the unit cannot be the orchestrator's tables of the same names."""
        for table in sorted(tables):
            if self._own.table(table) is None or self._theirs.table(table) is None:
                continue
            if not self._theirs.has_shape_of(self._own, table):
                return f"the orchestrator has another table {table}, with other columns; rename one of the two"
        return None

    def _settle(self, callables: Callables, schema: Schema, methods: Methods) -> AsyncPlan:
        """Leave files until nothing that moves is in the way of anything; return what must wait then."""
        while True:
            spread(self._left, self._uses, schema, methods.facts)
            seeds = [
                operation.node
                for path, uses in sorted(self._uses.items())
                if path not in self._left
                for operation in uses.operations
                if operation.api != "d1"
            ]
            waiting = plan_async(seeds, callables, self._types)
            if not waiting.troubles:
                return waiting
            for origin, obstacle in waiting.troubles:
                self._left.add(origin, obstacle)

    # --- changing -----------------------------------------------------------------------------------------------

    def _binding(self) -> Binding:
        source = f"{self._destination}/src/"
        inside = any(path.startswith(source) for path in self._unit_files)
        name = f"{'-'.join(words_of(self._spec.binding))}-rpc.ts"
        folder = source if inside else self._destination
        path = posixpath.normpath(posixpath.join(folder, name))
        return Binding(self._spec.binding, f"{pascal(self._unit)}Rpc", path)

    def _bind_service(self, worker: WorkerChanges) -> None:
        entry = {
            "binding": self._spec.binding,
            "service": self._orchestrator.service,
            "entrypoint": self._orchestrator.entrypoint,
        }
        if self._wrangler is None:
            site = CallSite(self._destination, 1, 1)
            text = (
                f"no wrangler file; bind the service {entry['service']} ({entry['entrypoint']}) as {entry['binding']}"
            )
            self._notes.append(Note(site, text))
            return
        if any(one.get("binding") == self._spec.binding for one in self._wrangler.bindings("services")):
            return
        content = add_binding(self._wrangler, "services", entry)
        if content is None:
            self._notes.append(Note(CallSite(self._wrangler.path, 1, 1), f"add the service binding {entry} by hand"))
        else:
            worker.files[self._wrangler.path] = content

    # --- telling ------------------------------------------------------------------------------------------------

    def _manual(self, waiting: AsyncPlan, callables: Callables) -> Iterator[ManualWork]:
        for obstacles in self._left.obstacles.values():
            for one in obstacles:
                yield ManualWork(one.node.site, one.reason, _excerpt(one.node))
        for path, reason in self._left.drawn.items():
            if _is_used(self._uses[path]) and path not in self._left.obstacles:
                yield ManualWork(CallSite(path, 1, 1), reason, "")
        for call, name in unsure_calls(waiting, callables):
            reason = f"whether this .{name}() is the one that is now asynchronous cannot be told; await it if it is"
            yield ManualWork(call.site, reason, _excerpt(call))

    def _result(
        self,
        orchestrator: OrchestratorChanges,
        worker: Mapping[str, bytes | None],
        methods: Methods,
        planned: list[tuple[Operation, MethodPlan, tuple[Value, ...]]],
        waiting: AsyncPlan,
        callables: Callables,
        moved: Mapping[str, Uses],
    ) -> Refactoring:
        names = {id(operation): plan.name for operation, plan, _ in planned}
        manual = dict.fromkeys(self._manual(waiting, callables))
        changes: dict[PublicChange, None] = dict.fromkeys(public_changes(waiting))
        return Refactoring(
            dict(sorted(orchestrator.files.items())),
            dict(sorted(worker.items())),
            statement_records(self._uses, methods, names, set(moved)),
            method_records(methods),
            tuple(sorted(manual, key=lambda one: (one.site.file, one.site.line, one.site.column))),
            tuple(sorted(dict.fromkeys(self._notes), key=lambda one: (one.site.file, one.site.line, one.text))),
            tuple(sorted(changes, key=lambda one: (one.site.file, one.site.line, one.site.column))),
            tuple(orchestrator.generated),
        )


def _is_used(uses: Uses) -> bool:
    return bool(uses.operations or uses.schema or uses.creations or uses.dropped or uses.prepared or uses.obstacles)


def _excerpt(node: Node) -> str:
    text = " ".join(node.text.split())
    return text if len(text) <= 200 else text[:199] + "…"
