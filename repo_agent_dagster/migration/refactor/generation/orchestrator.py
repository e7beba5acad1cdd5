"""The orchestrator package: what it is like, and which of its files change for a unit."""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from repo_agent_dagster.contracts.migration import D1ToRpc
from repo_agent_dagster.migration.jsonc import data_in
from repo_agent_dagster.migration.refactor.generation.entrypoint import Base, entrypoint_file
from repo_agent_dagster.migration.refactor.generation.methods import Methods
from repo_agent_dagster.migration.refactor.generation.migrations import (
    Migrations,
    find_migrations,
    lacking,
    migration_text,
)
from repo_agent_dagster.migration.refactor.generation.names import pascal, words_of
from repo_agent_dagster.migration.refactor.generation.wrangler import Wrangler, add_binding, find_wrangler
from repo_agent_dagster.migration.refactor.inference.members import own_member
from repo_agent_dagster.migration.refactor.model import CallSite, Note
from repo_agent_dagster.migration.refactor.sql.schema import Schema, read_schema
from repo_agent_dagster.migration.refactor.syntax.project import Project
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration
from repo_agent_dagster.migration.refactor.syntax.tree import SourceFile, is_source
from repo_agent_dagster.migration.refactor.worker.imports import relative_specifier
from repo_agent_dagster.migration.rewriting.specifiers import SourceText

_BASE = "BaseWorkerEntrypoint"


@dataclass
class OrchestratorChanges:
    """The orchestrator's changed files, and what there is to tell."""

    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    generated: list[str] = field(default_factory=list)


class Orchestrator:
    """One orchestrator package, as the target root holds it before the refactoring."""

    def __init__(self, spec: D1ToRpc, unit: str, target_files: Mapping[str, bytes]) -> None:
        self.spec, self.unit = spec, unit
        self.folder = spec.orchestrator
        self._files = {path: content for path, content in target_files.items() if self._inside(path)}
        self._all = target_files
        self._project = Project(self._files, target_files)
        self.wrangler: Wrangler | None = find_wrangler(self.folder, self._files)

    def _inside(self, path: str) -> bool:
        return self.folder == "." or path.startswith(f"{self.folder}/")

    def _path(self, *parts: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, *parts))

    @property
    def entrypoint(self) -> str:
        """The class's name: the manifest's, or the unit's with "Entrypoint"."""
        return self.spec.entrypoint or f"{pascal(self.unit)}Entrypoint"

    @property
    def service(self) -> str:
        """The worker's name that a service binding names."""
        if self.spec.service is not None:
            return self.spec.service
        if self.wrangler is not None and self.wrangler.name is not None:
            return self.wrangler.name
        package = data_in(self._files.get(self._path("package.json"), b"null"))
        name = package.get("name") if isinstance(package, dict) else None
        return name.rpartition("/")[2] if isinstance(name, str) else posixpath.basename(self.folder)

    @property
    def file(self) -> str:
        """The generated file's path."""
        return self._path("src", "rpc", f"{'-'.join(words_of(self.unit))}.ts")

    @property
    def migrations_folder(self) -> str:
        """The folder of the database's migrations."""
        for entry in self.wrangler.bindings("d1_databases") if self.wrangler is not None else ():
            folder = entry.get("migrations_dir")
            if entry.get("binding") == self.spec.database and isinstance(folder, str):
                return self._path(folder)
        return self._path("migrations")

    def migrations(self) -> Migrations:
        """Return the migrations that the package has."""
        return find_migrations(self.migrations_folder, self.unit, self._files)

    def schema(self, paths: Sequence[str]) -> Schema:
        """Return the schema that migrations make."""
        return read_schema(self._files[path].decode("utf-8", "replace") for path in paths)

    def change(self, methods: Methods, statements: list[str]) -> OrchestratorChanges:
        """Return the files that change for the unit's methods and the statements of its schema."""
        changes = OrchestratorChanges()
        if methods.plans:
            text = entrypoint_file(methods, self.unit, self.entrypoint, self.spec.database, self._base())
            self._put(changes, self.file, text.encode())
            self._export(changes)
            self._bind_database(changes)
        migrations = self.migrations()
        changes.generated = [self.file, *migrations.own] if methods.plans else []
        wanted = lacking(statements, self.schema(migrations.present))
        if wanted:
            path = migrations.next_path()
            changes.files[path] = migration_text(self.unit, wanted).encode()
            changes.generated.append(path)
        return changes

    def _put(self, changes: OrchestratorChanges, path: str, content: bytes) -> None:
        if self._all.get(path) != content:
            changes.files[path] = content

    # --- the class ----------------------------------------------------------------------------------------------

    def _base(self) -> Base:
        imports: list[str] = []
        declarations: list[str] = []
        environment = self._environment(imports, declarations)
        found = self._find(_BASE, types=False)
        if found is None:
            return Base(
                f"WorkerEntrypoint<{environment}>",
                ("import { WorkerEntrypoint } from 'cloudflare:workers';", *imports),
                tuple(declarations),
            )
        specifier = self._specifier(found.file)
        generic = found.owner.child("type_parameters") is not None
        base = f"import {{ {_BASE} }} from '{specifier}';"
        if generic:
            return Base(f"{_BASE}<{environment}>", (base, *imports), tuple(declarations))
        return Base(_BASE, (base,), ())

    def _environment(self, imports: list[str], declarations: list[str]) -> str:
        """Return the type of the class's environment, which must have the database."""
        database = f"{{ {self.spec.database}: D1Database }}"
        found = self._find("Env", types=True)
        if found is None:
            declarations.append(f"interface Env {{\n  {self.spec.database}: D1Database;\n}}")
            return "Env"
        has = own_member(found.owner, self.spec.database, static=False) is not None
        exported = any(one.kind == "export_statement" for one in found.owner.ancestors())
        is_global = found.file.declares_only or not any(
            one.kind in {"import_statement", "export_statement"} for one in found.file.root.children
        )
        if not exported and not is_global:
            declarations.append(f"interface Env {{\n  {self.spec.database}: D1Database;\n}}")
            return "Env"
        if exported:
            imports.append(f"import type {{ Env }} from '{self._specifier(found.file)}';")
        return "Env" if has else f"Env & {database}"

    def _find(self, name: str, *, types: bool) -> Declaration | None:
        """Return what the orchestrator (or else another package) declares under a name at a file's top level."""
        mine = [path for path in sorted(self._files) if is_source(path) and path != self.file]
        others = [path for path in sorted(self._all) if is_source(path) and not self._inside(path)] if not types else []
        for path in (*mine, *others):
            content = self._all[path]
            if name.encode() not in content:
                continue
            file = self._project.file(path)
            found = self._project.scopes(file).top(name, types=types) if file is not None else None
            if found is not None and found.kind in {"class", "interface", "alias"}:
                return found
        return None

    def _specifier(self, target: SourceFile) -> str:
        """Return how the generated file imports a file: another package's by the name that the orchestrator uses."""
        if not self._inside(target.path):
            for file in self._project.unit_files():
                for statement in file.root.children:
                    source = statement.field("source") if statement.kind == "import_statement" else None
                    if source is not None and self._project.resolve(source.text[1:-1], file.path) == target.path:
                        written = source.text[1:-1]
                        if not written.startswith("."):
                            return written
            named = self._package_of(target.path)
            if named is not None:
                return named
        generated = SourceFile(self.file, SourceText("", "utf-8", b""))
        return relative_specifier(target.path, generated, self._project)

    def _package_of(self, path: str) -> str | None:
        folder = posixpath.dirname(path)
        while folder:
            package = data_in(self._all.get(f"{folder}/package.json", b"null"))
            name = package.get("name") if isinstance(package, dict) else None
            if isinstance(name, str):
                return name if self._project.resolve(name, self.file) is not None else None
            folder = posixpath.dirname(folder)
        return None

    # --- the index and the configuration ------------------------------------------------------------------------

    def _index(self) -> str:
        if self.wrangler is not None and self.wrangler.main is not None:
            return self.wrangler.main
        return next(
            (
                path
                for name in ("src/index.ts", "index.ts", "src/index.js")
                if (path := self._path(name)) in self._files
            ),
            self._path("src/index.ts"),
        )

    def _export(self, changes: OrchestratorChanges) -> None:
        path = self._index()
        content = self._files.get(path, b"")
        if self._project.exported(path, self.entrypoint, types=False) is not None or re.search(
            rf"export\s*{{[^}}]*\b{re.escape(self.entrypoint)}\b".encode(), content
        ):
            return
        file = self._project.file(path) or SourceFile(path, SourceText("", "utf-8", b""))
        newline = file.newline
        line = f"export {{ {self.entrypoint} }} from '{relative_specifier(self.file, file, self._project)}';"
        text = file.text
        text += (newline if text and not text.endswith("\n") else "") + line + newline
        self._put(changes, path, file.source.encode(text))

    def _bind_database(self, changes: OrchestratorChanges) -> None:
        if self.wrangler is None:
            changes.notes.append(
                Note(
                    CallSite(self.file, 1, 1), f"the orchestrator has no wrangler file; bind D1 as {self.spec.database}"
                )
            )
            return
        if any(one.get("binding") == self.spec.database for one in self.wrangler.bindings("d1_databases")):
            return
        name = f"{self.service}-db"
        entry = {"binding": self.spec.database, "database_name": name, "database_id": "to-be-created"}
        content = add_binding(self.wrangler, "d1_databases", entry)
        site = CallSite(self.wrangler.path, 1, 1)
        if content is None:
            changes.notes.append(Note(site, f"add the D1 database {self.spec.database} by hand"))
            return
        changes.files[self.wrangler.path] = content
        changes.notes.append(
            Note(site, f"D1 binding {self.spec.database} added; create the database {name} and put its id there")
        )
