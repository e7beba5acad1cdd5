"""What each import of a unit's files means: a file of the unit, a package, or the platform."""

from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.migration.inventory.declared_packages import Declared
from repo_agent_dagster.migration.inventory.facts import ImportFact
from repo_agent_dagster.migration.inventory.local_modules import LocalModules
from repo_agent_dagster.migration.inventory.model import LocalImport, PackageImport
from repo_agent_dagster.migration.inventory.package_names import go_package, npm_package, pypi_package
from repo_agent_dagster.migration.inventory.reading import ReadFile


@dataclass(frozen=True)
class FileImports:
    """The imports of one file, in the order of their lines."""

    local: tuple[LocalImport, ...] = ()
    packages: tuple[PackageImport, ...] = ()


class UnitImports:
    """Tells local imports from packages, by the unit's files and by what it declares."""

    def __init__(self, modules: LocalModules, declared: Sequence[Declared]) -> None:
        self._modules = modules
        self._go_required = frozenset(one.name for one in declared if one.ecosystem == "go")
        self._declared_npm = frozenset(one.name for one in declared if one.ecosystem == "npm")

    def of(self, file: ReadFile) -> FileImports:
        """Return the imports of one file; the same import twice counts once, where it stands first."""
        local: dict[tuple[str, str | None], LocalImport] = {}
        packages: dict[str, PackageImport] = {}
        for fact in file.facts.imports:
            found = self._local(file, fact)
            for one in found:
                local.setdefault((one.specifier, one.target), one)
            if not found and (package := self._package(file, fact)) is not None:
                packages.setdefault(package.package, package)
        return FileImports(tuple(local.values()), tuple(packages.values()))

    def _local(self, file: ReadFile, fact: ImportFact) -> list[LocalImport]:
        if file.reader == "py":
            return self._modules.python(file.path, fact)
        if _is_script(file, fact):
            found = self._modules.script(file.path, fact)
        elif file.reader == "go":
            found = self._modules.go(fact)
        else:
            found = self._modules.page(file.path, fact)
        # An alias may be as wide as "*": what no file answers to and package.json declares is that package.
        if found is not None and found.target is None and self._is_declared(file, fact):
            return []
        return [] if found is None else [found]

    def _is_declared(self, file: ReadFile, fact: ImportFact) -> bool:
        package = npm_package(fact.specifier) if _is_script(file, fact) else None
        return package is not None and (package[0] == "platform" or package[1] in self._declared_npm)

    def _package(self, file: ReadFile, fact: ImportFact) -> PackageImport | None:
        if _is_script(file, fact):
            named = npm_package(fact.specifier)
        elif file.reader == "py":
            named = pypi_package(fact.specifier)
        elif file.reader == "go":
            named = go_package(fact.specifier, self._go_required)
        else:
            named = ("url", fact.specifier) if "//" in fact.specifier else None
        return None if named is None else PackageImport(named[0], named[1], fact.line)


def _is_script(file: ReadFile, fact: ImportFact) -> bool:
    return file.reader == "ts" or fact.in_page
