"""The D1-to-RPC refactoring of one unit: from its files and the orchestrator's to the files that change. No disk."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from repo_agent_dagster.contracts.migration import D1ToRpc
from repo_agent_dagster.migration.refactor.extraction.operations import Obstacle, Operation, Uses, Value
from repo_agent_dagster.migration.refactor.extraction.uses import FileUses
from repo_agent_dagster.migration.refactor.generation.methods import MethodPlan, Methods
from repo_agent_dagster.migration.refactor.generation.names import pascal, words_of
from repo_agent_dagster.migration.refactor.generation.orchestrator import Orchestrator
from repo_agent_dagster.migration.refactor.generation.wrangler import add_binding, find_wrangler
from repo_agent_dagster.migration.refactor.inference.kinds import Plain
from repo_agent_dagster.migration.refactor.inference.known import HINT
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.model import CallSite, ManualWork, Note, PublicChange, Refactoring
from repo_agent_dagster.migration.refactor.reporting import method_records, statement_records
from repo_agent_dagster.migration.refactor.sql.schema import Schema, read_schema
from repo_agent_dagster.migration.refactor.syntax.edits import Piece
from repo_agent_dagster.migration.refactor.syntax.project import Project
from repo_agent_dagster.migration.refactor.syntax.tree import Node
from repo_agent_dagster.migration.refactor.worker.asynchrony import AsyncPlan, plan_async, unsure_calls
from repo_agent_dagster.migration.refactor.worker.callables import Callables
from repo_agent_dagster.migration.refactor.worker.environment import d1_names
from repo_agent_dagster.migration.refactor.worker.rewriting import Binding, WorkerChanges, WorkerRewriter
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
    return _Refactoring(unit_files, others, unit, destination, spec).run()


@dataclass
class _Left:
    """Files that stay as they are, with why; `reasons` are obstacles, a file may also be drawn in by another."""

    obstacles: dict[str, list[Obstacle]] = field(default_factory=dict)
    drawn: dict[str, str] = field(default_factory=dict)

    def __contains__(self, path: str) -> bool:
        return path in self.obstacles or path in self.drawn


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
        self._left = _Left()
        self._notes: list[Note] = []

    def run(self) -> Refactoring:
        """Read, decide what moves, and make the changes."""
        self._read()
        schema = self._schema()
        self._refuse_troubled(schema)
        callables = Callables(self._project.unit_sources(), self._types)
        waiting = self._settle(callables)
        moved = {path: uses for path, uses in self._uses.items() if path not in self._left and _is_used(uses)}
        methods = Methods(self._types, schema)
        planned: list[tuple[Operation, MethodPlan, tuple[Value, ...]]] = []
        for path in sorted(moved):
            for operation in sorted(moved[path].operations, key=lambda one: (one.node.start, one.node.end)):
                plan, values = methods.add(operation)
                planned.append((operation, plan, values))
        if not planned and not any(uses.schema for uses in moved.values()):
            return self._result({}, {}, methods, planned, AsyncPlan(), callables, moved)
        rewriter = WorkerRewriter(self._types, callables, self._binding(), moved)
        worker = rewriter.rewrite(planned, waiting, methods, self._unit, self._destination)
        if methods.plans:
            self._bind_service(worker)
        statements = [sql for path in sorted(moved) for one in moved[path].schema for sql in one.sql]
        statements += self._own_migrations() if planned else []
        changes = self._orchestrator.change(methods, statements)
        self._notes += changes.notes
        self._tell(moved, methods, schema, worker)
        changed = {path: content for path, content in worker.files.items() if content != self._unit_files.get(path)}
        return self._result(changes.files, changed, methods, planned, waiting, callables, moved)

    # --- reading ------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        for file in self._project.unit_sources():
            reader = FileUses(file, self._types)
            uses = reader.read()
            self._uses[file.path] = uses
            self._later = {**getattr(self, "_later", {}), **reader.replaced}
            if uses.obstacles:
                self._left.obstacles[file.path] = list(uses.obstacles)
            elif file.error is not None and _is_used(uses):
                self._left.obstacles[file.path] = [Obstacle(file.error, "the parser does not understand this")]

    def _schema(self) -> Schema:
        texts = [sql for path in sorted(self._uses) for one in self._uses[path].schema for sql in one.sql]
        mine = read_schema([*self._own_migrations(), *texts])
        theirs = self._orchestrator.schema()
        return Schema({**mine.tables, **theirs.tables}, mine.objects | theirs.objects)

    def _own_migrations(self) -> list[str]:
        return [
            self._unit_files[path].decode("utf-8", "replace")
            for path in sorted(self._unit_files)
            if path.endswith(".sql")
        ]

    def _refuse_troubled(self, schema: Schema) -> None:
        methods = Methods(self._types, schema)
        for path, uses in self._uses.items():
            for operation in uses.operations:
                trouble = next((fact.trouble for fact in methods.facts(operation) if fact.trouble), None)
                trouble = trouble or self._list_in(operation)
                if trouble is not None:
                    sql = operation.statements[0].text.sql
                    self._left.obstacles.setdefault(path, []).append(Obstacle(operation.node, trouble, sql))

    def _list_in(self, operation: Operation) -> str | None:
        for statement in operation.statements:
            for match in _IN_LIST.finditer(statement.text.sql):
                value = statement.text.values[int(match[1])]
                kind = self._types.of(value[0]) if len(value) == 1 and isinstance(value[0], Node) else None
                if not isinstance(kind, Plain) or not kind.names <= {"number", "bigint"}:
                    return "a list is interpolated into IN (…); D1 takes json_each(?) for that"
        return None

    def _settle(self, callables: Callables) -> AsyncPlan:
        """Leave files until nothing that moves is in the way of anything; return what must wait then."""
        while True:
            self._spread()
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
                self._left.obstacles.setdefault(origin, []).append(obstacle)

    def _spread(self) -> None:
        """Leave also the files that share a database with one that is left."""
        while True:
            drawn = {
                (path, other) if path not in self._left else (other, path)
                for path, uses in self._uses.items()
                for other in uses.flows
                if other in self._uses and (path in self._left) != (other in self._left)
            }
            if not drawn:
                return
            for path, other in sorted(drawn):
                self._left.drawn.setdefault(path, other)

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

    def _tell(self, moved: Mapping[str, Uses], methods: Methods, schema: Schema, worker: WorkerChanges) -> None:
        for path in sorted(moved):
            for dropped in moved[path].dropped:
                if dropped.why is not None:
                    self._notes.append(Note(dropped.node.site, f"dropped {dropped.sql or dropped.call}: {dropped.why}"))
        durable = next((plan for plan in methods.plans if plan.api == "durable-object"), None)
        if durable is not None:
            self._notes.append(
                Note(
                    durable.sites[0],
                    "each Durable Object had rows of its own; in D1 all objects share the tables: "
                    "add the object's name to the keys where that matters",
                )
            )
        for function in worker.injected:
            self._notes.append(Note(function.site, f"takes the binding {self._spec.binding} where it took a path"))
        unknown = sorted(
            {
                table
                for plan in methods.plans
                for fact in plan.facts
                for table in fact.tables
                if schema.table(table) is None
            }
        )
        for table in unknown:
            first = next(plan for plan in methods.plans if any(table in fact.tables for fact in plan.facts))
            self._notes.append(
                Note(first.sites[0], f"no CREATE TABLE {table} was found; the orchestrator must have it")
            )
        if (
            self._wrangler is not None
            and self._wrangler.bindings("d1_databases")
            and any(plan.api == "d1" for plan in methods.plans)
        ):
            self._notes.append(
                Note(
                    CallSite(self._wrangler.path, 1, 1),
                    "d1_databases is still there: copy its rows to the orchestrator's database, then remove it",
                )
            )
        left = {
            table.lower()
            for path, uses in self._uses.items()
            if path in self._left
            for operation in uses.operations
            for fact in methods.facts(operation)
            for table in fact.tables
        }
        for table in sorted(
            left & {table.lower() for plan in methods.plans for fact in plan.facts for table in fact.tables}
        ):
            self._notes.append(
                Note(
                    CallSite(self._destination, 1, 1),
                    f"table {table} is used by what moved and by what was left: finish the manual work before deploying",
                )
            )
        if worker.needs_declaration:
            self._notes.append(
                Note(
                    CallSite(self._destination, 1, 1),
                    "the package has no types of the Workers runtime; a declaration was added",
                )
            )

    def _manual(self, waiting: AsyncPlan, callables: Callables) -> Iterator[ManualWork]:
        for path, obstacles in self._left.obstacles.items():
            for one in obstacles:
                yield ManualWork(one.node.site, one.reason, _excerpt(one.node))
            del path
        for path, other in self._left.drawn.items():
            if _is_used(self._uses[path]):
                yield ManualWork(CallSite(path, 1, 1), f"left with {other}, which shares its database", "")
        for call, name in unsure_calls(waiting, callables):
            reason = f"whether this .{name}() is the one that is now asynchronous cannot be told; await it if it is"
            yield ManualWork(call.site, reason, _excerpt(call))

    def _result(
        self,
        orchestrator: Mapping[str, bytes],
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
            dict(sorted(orchestrator.items())),
            dict(sorted(worker.items())),
            statement_records(self._uses, methods, names, set(moved)),
            method_records(methods),
            tuple(sorted(manual, key=lambda one: (one.site.file, one.site.line, one.site.column))),
            tuple(sorted(dict.fromkeys(self._notes), key=lambda one: (one.site.file, one.site.line, one.text))),
            tuple(sorted(changes, key=lambda one: (one.site.file, one.site.line, one.site.column))),
        )


def _is_used(uses: Uses) -> bool:
    return bool(uses.operations or uses.schema or uses.creations or uses.dropped or uses.prepared or uses.obstacles)


def _excerpt(node: Node) -> str:
    text = " ".join(node.text.split())
    return text if len(text) <= 200 else text[:199] + "…"


__all__ = ["Piece", "refactor_d1_to_rpc", "replace"]
