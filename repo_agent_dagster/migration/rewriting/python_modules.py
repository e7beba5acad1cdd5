"""Which of a unit's own modules an absolute Python import means, and what it must say after they moved."""

import posixpath
import sys
from collections.abc import Callable
from functools import cached_property

from repo_agent_dagster.migration.rewriting import resolve_python
from repo_agent_dagster.migration.rewriting.moving_unit import MovingUnit, ancestors
from repo_agent_dagster.migration.rewriting.resolve import Unresolvable
from repo_agent_dagster.migration.rewriting.specifiers import Specifier

_PROJECT_FILES = frozenset({"pyproject.toml", "setup.py", "setup.cfg"})


class PythonModules:
    """The Python modules of a unit: where their import roots are now, and where they will be."""

    def __init__(self, unit: MovingUnit) -> None:
        self._unit = unit
        self._roots: dict[str, tuple[str, ...]] = {}

    def rebase(self, specifier: Specifier, importer: str) -> str | Unresolvable:
        """Return what an absolute import must say once all has moved; itself for modules that are not of the unit."""
        name = specifier.text
        if name.partition(".")[0] in sys.stdlib_module_names:
            return name
        outcomes = {
            root: self._from_root(root, specifier, importer)
            for root in self._roots_of(importer)
            if resolve_python.is_module(posixpath.join(root, name.replace(".", "/")), specifier.names, self._files)
        }
        if not outcomes:
            return name
        texts = {outcome for outcome in outcomes.values() if isinstance(outcome, str)}
        if len(texts) > 1:
            roots = " or ".join(root or "the unit's root" for root in sorted(outcomes))
            return Unresolvable(f"may be the module in {roots}, and they move apart; change it by hand")
        return next(iter(texts), next(iter(outcomes.values())))

    @property
    def _files(self) -> frozenset[str]:
        return self._unit.relocation.files

    def _from_root(self, root: str, specifier: Specifier, importer: str) -> str | Unresolvable:
        """Return the module's new name, if it is found from this import root."""
        base = posixpath.join(root, specifier.text.replace(".", "/"))
        place = resolve_python.place_of(base, specifier.names, self._unit.relocation)
        if isinstance(place, Unresolvable):
            return place
        new_root = self._unit.folders.get(root)
        if new_root is not None and _is_in(place, new_root):
            return _dotted(place, new_root)
        if self._moved_alike(root, base, place, importer):
            return specifier.text
        top = above_packages(place, self._is_package)
        own_folder = posixpath.dirname(self._unit.moved[importer])
        in_package = top != posixpath.dirname(place) or self._is_package(place)
        if in_package or (top == own_folder and posixpath.dirname(importer) == root):
            return _dotted(place, top)
        return Unresolvable(f"means {place} at the destination, which is in no package; say by a rule how it is found")

    def _moved_alike(self, root: str, base: str, place: str, importer: str) -> bool:
        """Return whether importer and module stand to each other, and to the root, as they did before."""
        if not _is_in(importer, root):
            return False
        tail = posixpath.relpath(base, root or ".")
        own_tail = posixpath.relpath(posixpath.dirname(importer) or ".", root or ".")
        own = posixpath.dirname(self._unit.moved[importer])
        new_root = _without_tail(place, tail)
        return new_root is not None and new_root == (own if own_tail == "." else _without_tail(own, own_tail))

    def _roots_of(self, importer: str) -> tuple[str, ...]:
        """Return the folders that this file's absolute imports may start from, the nearest first."""
        folder = posixpath.dirname(importer)
        if folder not in self._roots:
            package_root = folder
            while package_root and _initial(package_root, self._files):
                package_root = posixpath.dirname(package_root)
            above = [package_root, *ancestors(package_root)]
            near = [root for one in above for root in (one, posixpath.join(one, "src"))]
            self._roots[folder] = tuple(dict.fromkeys([*near, *self._projects]))
        return self._roots[folder]

    @cached_property
    def _projects(self) -> tuple[str, ...]:
        """The folders with a pyproject.toml or setup.py, and `src` in them."""
        folders = {posixpath.dirname(path) for path in self._files if posixpath.basename(path) in _PROJECT_FILES}
        return tuple(root for folder in sorted(folders) for root in (folder, posixpath.join(folder, "src")))

    def _is_package(self, folder: str) -> bool:
        after = self._unit.relocation.after
        return any(posixpath.join(folder, f"__init__{ending}") in after for ending in resolve_python.ENDINGS)


def above_packages(path: str, is_package: Callable[[str], bool]) -> str:
    """Return the folder that holds the top package of a module; the module's own folder, if it is in no package.

    Between a package and the module there may be folders without ``__init__.py``: Python takes them for packages too.
    """
    above = ancestors(path)
    first = next((number for number, folder in enumerate(above) if folder and is_package(folder)), None)
    if first is None:
        return posixpath.dirname(path)
    return next(folder for folder in above[first:] if not folder or not is_package(folder))


def _initial(folder: str, files: frozenset[str]) -> bool:
    return any(posixpath.join(folder, f"__init__{ending}") in files for ending in resolve_python.ENDINGS)


def _is_in(path: str, folder: str) -> bool:
    return folder == "" or path.startswith(folder + "/")


def _without_tail(path: str, tail: str) -> str | None:
    if path == tail:
        return ""
    return path.removesuffix("/" + tail) if path.endswith("/" + tail) else None


def _dotted(path: str, root: str) -> str | Unresolvable:
    parts = posixpath.relpath(path, root or ".").split("/")
    strange = next((part for part in parts if not part.isidentifier()), None)
    if strange is not None:
        return Unresolvable(f"would have to name {strange!r}, which is no Python name; choose another destination")
    return ".".join(parts)
