"""Which of a unit's own packages a Go import means, and what it must say after package and go.mod moved."""

import posixpath
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from repo_agent_dagster.migration.rewriting import go_imports, paths
from repo_agent_dagster.migration.rewriting.moving_unit import MovingUnit
from repo_agent_dagster.migration.rewriting.resolve import Unresolvable
from repo_agent_dagster.migration.rewriting.specifiers import Specifier, read_source


@dataclass(frozen=True)
class GoModule:
    """A module of the unit: its path and what becomes of it, its folder, and where its go.mod goes (None: it stays)."""

    path: str
    new_path: str
    folder: str
    new_folder: str | None


class GoModules:
    """The modules of a unit and their packages; `renamed` is what the import rules make of a module's path."""

    def __init__(self, unit: MovingUnit, renamed: Callable[[str], str]) -> None:
        self._unit, self._renamed = unit, renamed
        self._modules = _modules(unit, renamed)
        self._packages: Mapping[str, list[str]] = _packages(unit)

    def rebase(self, specifier: Specifier, path: str) -> str | Unresolvable:
        """Return what an import, or an entry of go.mod or go.work, must say once all has moved."""
        written = specifier.text
        if specifier.form in {"replace-folder", "use"}:
            return self._folder(written, path)
        if specifier.form == "embed":
            return self._embedded(written, path)
        if specifier.form == "replace-by":
            return written
        module = self._owner(written)
        if specifier.form in {"import", "import-as"}:
            return written if module is None else self._package(written, module)
        if module is not None:
            return module.new_path + written[len(module.path) :]
        if specifier.form != "module" and self._renamed(written) != written:
            return Unresolvable("an imports rule renames this module; change it and its version, then `go mod tidy`")
        return written

    def _owner(self, import_path: str) -> GoModule | None:
        """Return the module of the unit that an import path belongs to: the one with the longest path."""
        return next((one for one in self._modules if (import_path + "/").startswith(one.path + "/")), None)

    def _folder(self, written: str, path: str) -> str | Unresolvable:
        if written.startswith("/"):
            return written
        new = paths.rebase_path(written, paths.base_of(path, self._unit), self._unit, marker="go.mod")
        return f"./{new}" if isinstance(new, str) and not new.startswith(".") else new

    def _embedded(self, written: str, path: str) -> str | Unresolvable:
        new = paths.rebase_glob(written, paths.base_of(path, self._unit), self._unit)
        if isinstance(new, str) and new.startswith("../"):
            return Unresolvable(f"would become {new!r}, and Go embeds only what is below the file; move both together")
        return new

    def _package(self, written: str, module: GoModule) -> str | Unresolvable:
        folder = posixpath.join(module.folder, written[len(module.path) + 1 :]).rstrip("/")
        files = self._packages.get(folder)
        if files is None:
            return Unresolvable(f"means a package in {folder or 'the root of the unit'}, where no Go file is")
        homes = sorted({posixpath.dirname(self._unit.moved[file]) for file in files if file in self._unit.moved})
        if not homes:
            return Unresolvable(f"means {folder}, which no files rule moves; add one, or an imports rule")
        if len(homes) > 1:
            return Unresolvable(f"means the package in {folder}, whose files move apart ({', '.join(homes)})")
        return self._path_of(homes[0], folder, module)

    def _path_of(self, home: str, folder: str, module: GoModule) -> str | Unresolvable:
        if module.new_folder is None:
            return Unresolvable(f"is of module {module.path}, whose go.mod does not move; add an imports rule")
        around = [one for one in self._modules if one.new_folder is not None and _is_in(home, one.new_folder)]
        if not around:
            return Unresolvable(f"means {folder}, which moves out of its module, to {home}; add an imports rule")
        owner = max(around, key=lambda one: len(one.new_folder or ""))
        rest = posixpath.relpath(home or ".", owner.new_folder or ".")
        return owner.new_path if rest == "." else f"{owner.new_path}/{rest}"


def _modules(unit: MovingUnit, renamed: Callable[[str], str]) -> tuple[GoModule, ...]:
    modules = []
    for path in sorted(unit.contents):
        if posixpath.basename(path) != "go.mod":
            continue
        source = read_source(unit.contents[path])
        name = go_imports.module_path(source.text) if source is not None else None
        if name is not None:
            new = unit.moved.get(path)
            new_folder = None if new is None else posixpath.dirname(new)
            modules.append(GoModule(name, renamed(name), posixpath.dirname(path), new_folder))
    return tuple(sorted(modules, key=lambda module: (-len(module.path), module.folder)))


def _packages(unit: MovingUnit) -> dict[str, list[str]]:
    packages: dict[str, list[str]] = defaultdict(list)
    for path in unit.relocation.files:
        if path.endswith(".go"):
            packages[posixpath.dirname(path)].append(path)
    return dict(packages)


def _is_in(folder: str, parent: str) -> bool:
    return parent == "" or folder == parent or folder.startswith(parent + "/")
