"""Describe a unit: read each file by itself, then what its imports mean, what stores it uses, what it is worth."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from repo_agent_dagster.migration.inventory import go_facts, python_facts, typescript_storage
from repo_agent_dagster.migration.inventory.bindings import bound_stores
from repo_agent_dagster.migration.inventory.declared_packages import Declared, declared_packages
from repo_agent_dagster.migration.inventory.estimate import LOCAL_DATABASES, FileCounts, estimate_file, estimate_unit
from repo_agent_dagster.migration.inventory.imports import FileImports, UnitImports
from repo_agent_dagster.migration.inventory.languages import LOCK_FILES
from repo_agent_dagster.migration.inventory.licences import FolderLicences, is_licence_file, spdx_of
from repo_agent_dagster.migration.inventory.local_modules import LocalModules
from repo_agent_dagster.migration.inventory.locked_versions import locked_versions
from repo_agent_dagster.migration.inventory.model import Ecosystem, FileInventory, StorageUse, Tested, UnitInventory
from repo_agent_dagster.migration.inventory.purpose import purpose_of
from repo_agent_dagster.migration.inventory.reading import ReadFile, read_file
from repo_agent_dagster.migration.inventory.tests_found import is_test, tested
from repo_agent_dagster.migration.inventory.totals import databases_of, languages_of, licences_of, packages_of
from repo_agent_dagster.migration.inventory.unit_kind import entry_points, kind_of_unit, purpose_of_unit
from repo_agent_dagster.migration.inventory.wording import version_text
from repo_agent_dagster.migration.rewriting.specifiers import read_source
from repo_agent_dagster.migration.units.contents import UnitContents, UnitFile
from repo_agent_dagster.migration.wrangler_files import WRANGLER_FILES

_CONFIGURATION = frozenset({"package.json", "pyproject.toml", "go.mod", "jsconfig.json", *WRANGLER_FILES})
_COUNTED_AS_CODE = frozenset({"ts", "py", "go"})
_D1_METHODS = frozenset({"prepare", "batch", "dump", "withSession"})
_TEXT_LIMIT_BYTES = 20_000_000


def describe(contents: UnitContents) -> UnitInventory:
    """Return the inventory of a unit; pure: the same contents give the same inventory.

    Files over a megabyte and binary ones are counted and not parsed; a file that cannot be parsed has a note.
    """
    texts = configuration_texts(contents)
    files = [read_file(file, keep_text=file.path in texts) for file in contents.files]
    name = contents.unit_path.resolve().name
    modules = LocalModules(contents.by_path, texts, name)
    declared = [
        one for one in declared_packages(texts) if one.ecosystem != "npm" or one.name not in modules.npm_packages
    ]
    imports = UnitImports(modules, declared)
    locked, problems = locked_versions({path: text for path, text in texts.items() if _is_lock(path)})
    unit = _Unit(files, texts, {file.path: imports.of(file) for file in files}, declared, locked)
    described = [unit.describe(file, spdx_of(_head(contents.by_path[file.path].content))) for file in files]
    has_code = any(file.reader in _COUNTED_AS_CODE for file in files)
    kind, reason = kind_of_unit(files, texts)
    return UnitInventory(
        unit=name,
        digest=contents.digest,
        kind=kind,
        kind_reason=reason,
        purpose=purpose_of_unit(contents.by_path, texts),
        files=tuple(_with_problem(file, problems) for file in described),
        languages=languages_of(described),
        packages=packages_of(described, declared, locked),
        databases=databases_of(described),
        licences=licences_of(described),
        estimate=estimate_unit(
            [file.estimate for file in described],
            has_code=has_code,
            has_tests=any(file.test is not None for file in described),
            has_licence=any(file.licence is not None for file in described),
        ),
        left_out=tuple((left.path, left.reason) for left in contents.left_out),
    )


def configuration_texts(contents: UnitContents) -> dict[str, str]:
    """Return the texts of the files that say how the unit is built and what it needs, by path."""
    return {
        file.path: source.text
        for file in contents.files
        if _is_configuration(file) and (source := read_source(file.content)) is not None
    }


def _is_configuration(file: UnitFile) -> bool:
    name = PurePosixPath(file.path).name
    if len(file.content) > _TEXT_LIMIT_BYTES:
        return False
    return (
        name in _CONFIGURATION
        or name.lower() in LOCK_FILES
        or is_licence_file(file.path)
        or (name.startswith("tsconfig") and name.endswith(".json"))
        or (name.endswith((".txt", ".in")) and "requirements" in file.path)
    )


def _is_lock(path: str) -> bool:
    return PurePosixPath(path).name.lower() in LOCK_FILES


def _head(content: bytes) -> str:
    return "" if b"\0" in content[:4000] else content[:4000].decode("utf-8", "replace")


def _with_problem(file: FileInventory, problems: Mapping[str, str]) -> FileInventory:
    return replace(file, notes=(*file.notes, problems[file.path])) if file.path in problems else file


class _Unit:
    """What is known of all files, to describe each."""

    def __init__(
        self,
        files: Iterable[ReadFile],
        texts: Mapping[str, str],
        imports: Mapping[str, FileImports],
        declared: Sequence[Declared],
        locked: Mapping[tuple[Ecosystem, str], tuple[str, ...]],
    ) -> None:
        self._files = {file.path: file for file in files}
        self._imports = imports
        self._declared = {(one.ecosystem, one.name) for one in declared}
        self._versions = _versions(declared, locked)
        self._licences = FolderLicences(texts)
        self._configured = bound_stores(texts)
        self._kinds = self._binding_kinds()
        self._entry_points = entry_points(self._files.values(), texts)
        self._tests = frozenset(
            file.path
            for file in self._files.values()
            if file.reader in _COUNTED_AS_CODE
            and is_test(file.path, file.facts.test_cases, (fact.specifier for fact in file.facts.imports))
        )
        self._users = Counter(
            target for one in imports.values() for target in {local.target for local in one.local if local.target}
        )
        self._tested = frozenset(
            target for path in self._tests for local in imports[path].local if (target := local.target) is not None
        ) | frozenset(subject for path in self._tests for subject in self._test(self._files[path]).subjects)

    def describe(self, file: ReadFile, own_licence: str | None) -> FileInventory:
        """Return the inventory of one file."""
        facts, imports = file.facts, self._imports[file.path]
        test = self._test(file) if file.path in self._tests else None
        purpose, origin = purpose_of(file.path, file.language, file.kind, facts, None if test is None else test.cases)
        stated, stated_by = self._licences.of(file.path)
        storage = self._storage(file)
        return FileInventory(
            path=file.path,
            language=file.language,
            kind="test" if test is not None else file.kind,
            size=file.size,
            lines=file.lines,
            nonblank_lines=file.nonblank_lines,
            purpose=purpose,
            purpose_from=origin,
            exports=tuple(dict.fromkeys(export.name for export in facts.exports)),
            entry_point=self._entry_points.get(file.path),
            local_imports=imports.local,
            package_imports=tuple(
                replace(one, version=self._versions.get((one.ecosystem, one.package))) for one in imports.packages
            ),
            storage=storage,
            test=test,
            licence=own_licence or stated,
            licence_from=file.path if own_licence else stated_by,
            estimate=estimate_file(self._counts(file, storage, test)),
            notes=facts.notes,
        )

    def _counts(self, file: ReadFile, storage: tuple[StorageUse, ...], test: Tested | None) -> FileCounts:
        facts, imports = file.facts, self._imports[file.path]
        is_code = file.reader in _COUNTED_AS_CODE
        wanting = dict.fromkeys(
            one.package
            for one in imports.packages
            if one.ecosystem in {"npm", "pypi", "go"} and (one.ecosystem, one.package) not in self._declared
        )
        return FileCounts(
            exports=len(facts.exports) if test is None else 0,
            users=self._users[file.path],
            entry_point=self._entry_points.get(file.path),
            cases=0 if test is None else test.cases,
            is_readme=PurePosixPath(file.path).name.lower().startswith("readme"),
            code_lines=file.nonblank_lines if is_code else 0,
            missing=len({one.specifier for one in imports.local if one.target is None}),
            undeclared=tuple(wanting),
            databases=tuple(dict.fromkeys(use.kind for use in storage if use.kind in LOCAL_DATABASES)),
            statements=sum(_is_statement(use) for use in storage),
            tested=test is not None or file.path in self._tested or not facts.exports,
            unparsed=is_code and any("not Python" in note or "parser" in note for note in facts.notes),
        )

    def _test(self, file: ReadFile) -> Tested:
        if file.reader == "go":
            folder = PurePosixPath(file.path).parent
            beside = [path for path in self._files if path.endswith(".go") and PurePosixPath(path).parent == folder]
            same = file.path.replace("_test.go", ".go")
            subjects = [same] if same in beside else [path for path in beside if path not in self._tests]
            return Tested(file.facts.test_cases, tuple(subjects))
        return tested(file.path, file.facts.test_cases, self._imports[file.path].local, self._tests)

    def _storage(self, file: ReadFile) -> tuple[StorageUse, ...]:
        """Return the stores a file uses: by its drivers, its statements, its configuration and its bindings' kinds."""
        uses = [*file.facts.storage, *self._configured.get(file.path, ())]
        for fact in file.facts.imports:
            if (kind := _driver(file, fact.specifier)) is not None:
                uses.append(StorageUse(kind, fact.line, f"import of {fact.specifier}"))
        for call in file.facts.binding_calls:
            kind = self._kinds.get(call.binding) or ("d1" if call.method in _D1_METHODS else None)
            if kind is not None:
                uses.append(StorageUse(kind, call.line, call.statement or f"env.{call.binding}.{call.method}"))
        return tuple(sorted(set(uses), key=lambda use: (use.line, use.kind, use.detail)))

    def _binding_kinds(self) -> dict[str, str]:
        """Return the kind of each binding; what the configuration says wins over the types."""
        kinds = {name: kind for file in self._files.values() for name, kind in file.facts.bindings}
        for uses in self._configured.values():
            kinds |= {use.detail.removeprefix("binding "): use.kind for use in uses}
        return kinds


def _versions(
    declared: Sequence[Declared], locked: Mapping[tuple[Ecosystem, str], tuple[str, ...]]
) -> dict[tuple[Ecosystem, str], str]:
    """Return the version of each package that is declared or locked, in words."""
    wanted: dict[tuple[Ecosystem, str], dict[str, None]] = {key: {} for key in locked}
    for one in declared:
        wanted.setdefault((one.ecosystem, one.name), {})[one.wanted] = None
    texts = {key: version_text([one for one in asked if one], locked.get(key, ())) for key, asked in wanted.items()}
    return {key: text for key, text in texts.items() if text}


def _driver(file: ReadFile, specifier: str) -> str | None:
    if file.reader == "ts":
        drivers = typescript_storage.DRIVERS
        return drivers.get(specifier) or drivers.get("/".join(specifier.split("/")[: 1 + specifier.startswith("@")]))
    if file.reader == "py":
        return python_facts.DRIVERS.get(specifier.partition(".")[0])
    if file.reader == "go":
        return next((kind for name, kind in go_facts.DRIVERS.items() if f"{specifier}/".startswith(f"{name}/")), None)
    return None


def _is_statement(use: StorageUse) -> bool:
    if use.detail == "SQL script" or use.detail.startswith(("binding ", "import of ", "env.", "class ")):
        return False
    return use.kind in {"sql", "d1", "do-sqlite"}
