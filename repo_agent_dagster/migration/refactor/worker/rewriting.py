"""The worker's files rewritten: databases, calls, waiting, clean-up, types and configuration, in that order."""

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from repo_agent_dagster.migration.refactor.extraction.operations import Operation, Uses, Value
from repo_agent_dagster.migration.refactor.generation.entrypoint import contract_file
from repo_agent_dagster.migration.refactor.generation.methods import MethodPlan, Methods
from repo_agent_dagster.migration.refactor.generation.names import camel
from repo_agent_dagster.migration.refactor.inference.kinds import Handle
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.edits import Edits
from repo_agent_dagster.migration.refactor.syntax.project import Project, imported
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration, bound
from repo_agent_dagster.migration.refactor.syntax.tree import Node, SourceFile
from repo_agent_dagster.migration.refactor.worker.asynchrony import AsyncPlan
from repo_agent_dagster.migration.refactor.worker.callables import Callables
from repo_agent_dagster.migration.refactor.worker.calls import Calls
from repo_agent_dagster.migration.refactor.worker.cleanup import drop_call, drop_constants, drop_prepared, keep_binding
from repo_agent_dagster.migration.refactor.worker.databases import Databases
from repo_agent_dagster.migration.refactor.worker.environment import Environment
from repo_agent_dagster.migration.refactor.worker.imports import (
    add_imports,
    drop_unused_imports,
    import_line,
    relative_specifier,
)
from repo_agent_dagster.migration.refactor.worker.members import Binding, Members
from repo_agent_dagster.migration.refactor.worker.waiting import write_waiting


@dataclass
class WorkerChanges:
    """The worker's changed files, and functions that take the binding where they took a path."""

    files: dict[str, bytes | None] = field(default_factory=dict)
    injected: list[Node] = field(default_factory=list)
    needs_declaration: bool = False


class WorkerRewriter:
    """Rewrites one unit. `moved` are the files whose databases move; others only wait for what moved."""

    def __init__(self, types: Types, callables: Callables, binding: Binding, moved: Mapping[str, Uses]) -> None:
        self._types, self._binding, self._moved = types, binding, moved
        self._project: Project = types.project
        self._edits: dict[str, Edits] = {}
        self._environment = Environment(types, binding.name)
        self._databases = Databases(types, callables, self._environment, self.edits_of, binding.name, binding.interface)
        self._calls = Calls(types, self._environment, self.edits_of)
        self._typed: dict[str, None] = {}
        self._members = Members(types, binding, self._environment, self.edits_of, frozenset(moved), self._typed)

    def edits_of(self, file: SourceFile) -> Edits:
        """Return the edits of a file."""
        if file.path not in self._edits:
            self._edits[file.path] = Edits(file)
        return self._edits[file.path]

    def rewrite(
        self,
        planned: Iterable[tuple[Operation, MethodPlan, tuple[Value, ...]]],
        waiting: AsyncPlan,
        methods: Methods,
        unit: str,
    ) -> WorkerChanges:
        """Return the changed files."""
        for uses in self._moved.values():
            for node in uses.creations:
                self._databases.replace(node)
        for operation, plan, values in planned:
            self._calls.replace(operation, plan, values, camel(self._binding.name))
        for path in self._moved:
            self._retype(path)
        self._clean_up()
        write_waiting(waiting, self.edits_of)
        self._members.declare(self._environment.reached.bodies, self._databases.taken)
        changes = WorkerChanges(injected=self._databases.injected)
        typed = any(file.typed for file in self._project.unit_sources())
        reached = self._environment.reached
        self._import(typed)
        for path, edits in self._edits.items():
            content = edits.result()
            if content != self._project.contents[path]:
                changes.files[path] = content
        if typed and methods.plans:
            changes.files[self._binding.contract] = self._contract(methods, unit)
            if reached.modules and not self._environment.declares_module():
                folder = posixpath.dirname(self._binding.contract)
                changes.files[posixpath.join(folder, "cloudflare-workers.d.ts")] = _AMBIENT.encode()
                changes.needs_declaration = True
        return changes

    # --- the parts ----------------------------------------------------------------------------------------------

    def _retype(self, path: str) -> None:
        file = self._project.file(path)
        if file is None:
            return
        self._databases.retype(file)
        for node in file.root.walk():
            if node.kind not in {
                "variable_declarator",
                "required_parameter",
                "optional_parameter",
                "formal_parameters",
            }:
                continue
            pattern = node.field("name") or node.field("pattern")
            if pattern is None or pattern.kind != "object_pattern":
                continue
            for declaration in bound(pattern, node, "variable"):
                if self._is_destructured(declaration):
                    self._databases.rename_destructured(declaration)

    def _is_destructured(self, declaration: Declaration) -> bool:
        path = declaration.path
        known = self._project.scopes(declaration.file).value(declaration.node)
        kind = self._types.declared(known) if known is not None else None
        return isinstance(kind, Handle) and bool(path) and path is not None and path[-1] in self._types.d1_names

    def _clean_up(self) -> None:
        constants: list[Declaration] = []
        holders = set(self._calls.holders.values())
        for path, uses in self._moved.items():
            file = self._project.file(path)
            if file is None:
                continue
            edits = self.edits_of(file)
            for whole, kept in uses.later.items():
                if whole is not kept:
                    edits.replace_node(whole, kept)
            for schema in uses.schema:
                drop_call(schema.node, edits)
                constants += schema.text.constants
            for dropped in uses.dropped:
                drop_call(dropped.node, edits)
            for operation in uses.operations:
                constants += [one for statement in operation.statements for one in statement.text.constants]
            for node in uses.prepared:
                holder = next((one for one in holders if one.file is file and one.holds(node)), None)
                if holder is not None and (handle := _handle_in(holder, self._types)) is not None:
                    keep_binding(holder, handle, camel(self._binding.name), self._binding.interface, edits)
                    self._typed[path] = None
                else:
                    drop_prepared(node, edits, uses.prepared)
        drop_constants(constants, self._project, self.edits_of, set(self._moved) | {one.file.path for one in constants})

    def _import(self, typed: bool) -> None:
        reached = self._environment.reached
        paths = dict.fromkeys([*self._moved, *self._edits, *self._typed, *self._databases.typed, *reached.modules])
        for path in paths:
            file = self._project.file(path)
            if file is None or (file.declares_only and path not in self._typed):
                continue
            scopes, edits = self._project.scopes(file), self.edits_of(file)
            gone = drop_unused_imports(file, scopes, edits) if not edits.is_empty else []
            lines: list[str] = []
            if path in reached.modules and not self._imports(file, "cloudflare:workers", "env"):
                name = reached.modules[path]
                clause = "{ env }" if name == "env" else f"{{ env as {name} }}"
                lines.append(import_line(file, clause, "cloudflare:workers", types=False))
            wants_type = path in self._typed or path in self._databases.typed
            if typed and file.typed and wants_type and path != self._binding.contract:
                specifier = relative_specifier(self._binding.contract, file, self._project)
                lines.append(import_line(file, f"{{ {self._binding.interface} }}", specifier, types=True))
            add_imports(file, lines, gone, edits)

    def _imports(self, file: SourceFile, module: str, name: str) -> bool:
        declaration = self._project.scopes(file).top(name)
        return declaration is not None and declaration.kind == "import" and imported(declaration) == (module, name)

    def _contract(self, methods: Methods, unit: str) -> bytes:
        types = sorted(
            {name for plan in methods.plans for name in ("D1Result", "D1ExecResult") if name in plan.returns}
        )
        source = self._workers_types()
        imports = [f"import type {{ {', '.join(types)} }} from '{source}';"] if types and source is not None else []
        environment = [_global(name, self._binding) for name in self._environment.reached.globals]
        return contract_file(methods, unit, self._binding.interface, imports, environment).encode()

    def _workers_types(self) -> str | None:
        """Return the module that the unit imports D1's types from, None where they are global."""
        for file in self._project.unit_files():
            declaration = self._project.scopes(file).top("D1Database", types=True)
            if declaration is not None and declaration.kind == "import":
                return imported(declaration)[0]
        return None


def _handle_in(assignment: Node, types: Types) -> Node | None:
    right = assignment.field("right")
    for node in right.walk() if right is not None else ():
        if isinstance(types.of(node), Handle) and node.kind in {"identifier", "member_expression"}:
            return node
    return None


def _global(name: str, binding: Binding) -> str:
    space, _, interface = name.rpartition(".")
    member = f"{binding.name}: {binding.interface};"
    inner = [f"interface {interface} {{", f"  {member}", "}"]
    if space:
        inner = [f"namespace {space} {{", *(f"  {line}" for line in inner), "}"]
    return "\n".join(["declare global {", *(f"  {line}" for line in inner), "}"])


_AMBIENT = """// What the Workers runtime gives; remove this file once the package has @cloudflare/workers-types.
declare module 'cloudflare:workers' {
  export const env: Cloudflare.Env;
}
"""
