"""Which file of the unit an import means: relative paths, tsconfig aliases, Python modules, Go packages, page links."""

import posixpath
from collections.abc import Iterable, Mapping
from functools import cached_property

from repo_agent_dagster.migration.inventory.declared_packages import go_module
from repo_agent_dagster.migration.inventory.facts import ImportFact
from repo_agent_dagster.migration.inventory.model import LocalImport
from repo_agent_dagster.migration.inventory.package_entries import (
    Packages,
    file_at,
    file_of_import,
    imported_file,
    package_of,
    packages_among,
)
from repo_agent_dagster.migration.inventory.structured_files import read_json
from repo_agent_dagster.migration.rewriting import resolve
from repo_agent_dagster.migration.rewriting.aliases import Alias, Aliases, is_config, read_aliases

CLIMBS_OUT = "climbs out of the unit"
NO_FILE = "no such file in the unit"


class LocalModules:
    """Finds what imports mean among the files of one unit; `texts` are its configuration files by path.

    `name` is the name of the unit's folder: a folder with an `__init__.py` is a package that may import itself by it.
    """

    def __init__(self, files: Iterable[str], texts: Mapping[str, str], name: str = "") -> None:
        self._files = frozenset(files)
        self._own_package = name if "__init__.py" in self._files else None
        self._texts = texts

    @cached_property
    def aliases(self) -> Aliases:
        """The aliases of the unit's tsconfig and jsconfig files."""
        return read_aliases({posixpath.dirname(path) for path in self._texts if is_config(path)}, self._configuration)

    def _configuration(self, path: str) -> bytes | None:
        return self._texts[path].encode() if path in self._texts else None

    def script(self, importer: str, fact: ImportFact) -> LocalImport | None:
        """Return the local import that a TypeScript or JavaScript specifier is; None for a package."""
        specifier = fact.specifier
        if resolve.is_relative(specifier):
            target = resolve.resolves(specifier, importer, self._files)
            outside = posixpath.normpath(posixpath.join(posixpath.dirname(importer), specifier)).startswith("..")
            return _local(fact, target, CLIMBS_OUT if outside else NO_FILE)
        if specifier.startswith("/"):
            return _local(fact, resolve.resolves("." + specifier, "index.ts", self._files), "an absolute path")
        if specifier.startswith("#"):
            return _local(fact, self._inside_package(importer, specifier), "no imports of a package.json give it")
        if (own := self._own_npm_package(specifier)) is not None:
            return _local(fact, own, None)
        named: Alias | None = None
        for alias, place in self.aliases.places(specifier, importer):
            if (target := file_at(place, self._files)) is not None:
                return _local(fact, target, None)
            named = named or (None if alias.is_base else alias)
        return (
            None if named is None else _local(fact, None, f"an alias of {named.config} that means no file of the unit")
        )

    def python(self, importer: str, fact: ImportFact) -> list[LocalImport]:
        """Return the local imports that a Python import is; none for a package of elsewhere."""
        name = fact.specifier.lstrip(".")
        level = len(fact.specifier) - len(name)
        parts = name.split(".") if name else []
        if level:
            folder = posixpath.dirname(importer).split("/") if "/" in importer else []
            if level - 1 > len(folder):
                return [_local(fact, None, CLIMBS_OUT)]
            roots = ["/".join(folder[: len(folder) - level + 1])]
        elif parts[0] == self._own_package:
            roots, parts = [""], parts[1:]
        else:
            roots = list(dict.fromkeys([posixpath.dirname(importer), *self._python_roots]))
        for root in roots:
            targets = self._python_targets(root, parts, fact.names)
            if targets:
                return [_local(fact, target, None) for target in targets]
        return [_local(fact, None, NO_FILE)] if level else []

    def go(self, fact: ImportFact) -> LocalImport | None:
        """Return the local import that a Go import path is: a folder of the unit, told by its first file."""
        for module, folder in self._go_modules:
            if fact.specifier == module or fact.specifier.startswith(module + "/"):
                inside = posixpath.join(folder, fact.specifier[len(module) + 1 :]).rstrip("/")
                return _local(fact, self._first_go_file.get(inside), f"{NO_FILE}, though its module is the unit's")
        return None

    def page(self, importer: str, fact: ImportFact) -> LocalImport | None:
        """Return the local file that a page's script, style or image is; None for an address elsewhere."""
        path = fact.specifier.partition("?")[0].partition("#")[0]
        if not path or "//" in path or path.startswith(("data:", "blob:", "{", "mailto:")):
            return None
        base = "" if path.startswith("/") else posixpath.dirname(importer)
        target = posixpath.normpath(posixpath.join(base, path.lstrip("/")))
        found = next((one for one in (target, f"public/{target}", f"static/{target}") if one in self._files), None)
        return _local(fact, found, CLIMBS_OUT if target.startswith("..") else NO_FILE)

    @cached_property
    def npm_packages(self) -> Packages:
        """The unit's own npm packages."""
        return packages_among(self._texts, lambda path: read_json(self._texts[path]).mapping)

    def _own_npm_package(self, specifier: str) -> str | None:
        """Return the file of the unit's own package that a specifier means; its package.json if it is not built yet."""
        name, rest = package_of(specifier)
        if name not in self.npm_packages:
            return None
        folder, description = self.npm_packages[name]
        return file_of_import(description, folder, rest, self._files) or posixpath.join(folder, "package.json")

    def _inside_package(self, importer: str, name: str) -> str | None:
        """Return the file that the nearest package.json means by a name such as ``#db``."""
        folder = posixpath.dirname(importer)
        while (path := posixpath.join(folder, "package.json")) not in self._texts:
            if not folder:
                return None
            folder = posixpath.dirname(folder)
        return imported_file(read_json(self._texts[path]).mapping, folder, name, self._files)

    @cached_property
    def _python_roots(self) -> list[str]:
        """The folders that top-level modules are looked for in: the unit, src folders, and above top packages."""
        packages = {posixpath.dirname(path) for path in self._files if path.endswith("/__init__.py")}
        above = {posixpath.dirname(package) for package in packages}
        return ["", "src", *sorted(above - packages - {"", "src"})]

    def _python_targets(self, root: str, parts: list[str], names: tuple[str, ...]) -> list[str]:
        base = posixpath.join(root, *parts) if parts else root
        if parts and (module := self._python_module(base)) is not None and not module.endswith("/__init__.py"):
            return [module]
        package = self._python_module(base) if parts else None
        inner = [one for name in names if (one := self._python_module(posixpath.join(base, name))) is not None]
        initial = f"{base}/__init__.py" if base else "__init__.py"
        found = list(dict.fromkeys(inner))
        if len(found) < len(names) or not names:
            found = [one for one in (package or (initial if initial in self._files else None),) if one] + found
        return found

    def _python_module(self, base: str) -> str | None:
        candidates = (f"{base}.py", f"{base}/__init__.py", f"{base}.pyi")
        return next((one for one in candidates if one in self._files), None)

    @cached_property
    def _go_modules(self) -> list[tuple[str, str]]:
        found = [
            (module, posixpath.dirname(path))
            for path, text in self._texts.items()
            if posixpath.basename(path) == "go.mod" and (module := go_module(text)) is not None
        ]
        return sorted(found, key=lambda pair: (-len(pair[0]), pair))

    @cached_property
    def _first_go_file(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in sorted(self._files):
            if path.endswith(".go") and not path.endswith("_test.go"):
                found.setdefault(posixpath.dirname(path), path)
        return found


def _local(fact: ImportFact, target: str | None, reason: str | None) -> LocalImport:
    return LocalImport(fact.specifier, fact.line, target, None if target is not None else reason)
