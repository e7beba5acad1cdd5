"""Which module a relative Python import means, and what it must say after both files moved. No disk, no parser."""

import posixpath
from collections.abc import Iterable

from repo_agent_dagster.migration.rewriting.resolve import Relocation, Unresolvable
from repo_agent_dagster.migration.rewriting.specifiers import Specifier

ENDINGS = (".py", ".pyi")


def is_relative(specifier: str) -> bool:
    """Return whether a module name begins with a dot."""
    return specifier.startswith(".")


def rebase(specifier: Specifier, importer: str, relocation: Relocation) -> str | Unresolvable:
    """Return what ``..pkg.mod`` must be once both files have moved; itself, where nothing changes.

    What is imported from a package may be its submodules: all must have moved together, or the import is not re-based.
    """
    name = specifier.text.lstrip(".")
    climbs = len(specifier.text) - len(name) - 1
    folder = posixpath.dirname(importer)
    if climbs > (folder.count("/") + 1 if folder else 0):
        return Unresolvable("climbs out of the unit; add an imports rule that says what it is at the destination")
    base = posixpath.normpath(posixpath.join(folder, *[".."] * climbs, *name.split(".")))
    base = "" if base == "." else base
    place = place_of(base, specifier.names, relocation) if name else _package_target(base, specifier.names, relocation)
    if isinstance(place, Unresolvable):
        return place
    return _relation(place, posixpath.dirname(relocation.moved[importer]))


def is_module(base: str, names: Iterable[str], files: frozenset[str]) -> bool:
    """Return whether a path without ending is a module or package of the unit, or a folder that holds one named."""
    return _submodule(base, files) is not None or any(_submodule(f"{base}/{name}", files) is not None for name in names)


def place_of(base: str, names: Iterable[str], relocation: Relocation) -> str | Unresolvable:
    """Return where the module or package at a path without ending goes, without ending too.

    What is imported from a package (`names`) may be its submodules: all must move together.
    """
    module = _module_file(base, relocation.files)
    if module is None:
        return _package_target(base, names, relocation)
    if module not in relocation.moved:
        return Unresolvable(f"means {module}, which no files rule moves; add one, or an imports rule")
    return _without_ending(relocation.moved[module])


def _package_target(base: str, names: Iterable[str], relocation: Relocation) -> str | Unresolvable:
    """Return the folder that the package at `base` moved to, if it and the submodules named moved to one."""
    inside = f"{base}/" if base else ""
    initial = _first(
        f"{inside}__init__{ending}" for ending in ENDINGS if f"{inside}__init__{ending}" in relocation.files
    )
    parts = {name: part for name in names if (part := _submodule(inside + name, relocation.files)) is not None}
    needed = [*([initial] if initial else []), *parts.values()]
    if not needed:
        if any(path.startswith(inside) for path in relocation.files):
            return _namespace_target(inside, relocation)
        return Unresolvable("no such module in the unit")
    homes = set()
    for path in needed:
        if path not in relocation.moved:
            return Unresolvable(f"means {path}, which no files rule moves; add one, or an imports rule")
        moved = relocation.moved[path]
        if path != initial and _name_of(moved) != _name_of(path):
            return Unresolvable(f"means {path}, which gets another name ({moved}); import it by its new name")
        homes.add(_parent_of(moved, is_package=path.rpartition("/")[2].startswith("__init__.") and path != initial))
    if len(homes) > 1:
        return Unresolvable(f"names modules that move apart ({', '.join(sorted(homes))}); split the import")
    return homes.pop()


def _namespace_target(inside: str, relocation: Relocation) -> str | Unresolvable:
    homes = {
        f"/{moved}".removesuffix("/" + path[len(inside) :]).removeprefix("/")
        for path, moved in relocation.moved.items()
        if path.startswith(inside) and f"/{moved}".endswith("/" + path[len(inside) :])
    }
    if len(homes) != 1:
        return Unresolvable("means a folder whose files do not move to one folder")
    return homes.pop()


def _module_file(base: str, files: frozenset[str]) -> str | None:
    return _first(base + ending for ending in ENDINGS if base + ending in files)


def _submodule(base: str, files: frozenset[str]) -> str | None:
    candidates = [base + ending for ending in ENDINGS] + [f"{base}/__init__{ending}" for ending in ENDINGS]
    return _first(path for path in candidates if path in files)


def _first(paths: Iterable[str]) -> str | None:
    return next(iter(paths), None)


def _without_ending(path: str) -> str:
    return path.removesuffix(".pyi").removesuffix(".py").removesuffix("/__init__")


def _name_of(path: str) -> str:
    return _without_ending(path).rpartition("/")[2]


def _parent_of(path: str, *, is_package: bool) -> str:
    folder = posixpath.dirname(path)
    return posixpath.dirname(folder) if is_package else folder


def _relation(module: str, home: str) -> str | Unresolvable:
    """Return the dotted name of a module's path as seen from a folder."""
    relative = posixpath.relpath(module or ".", home or ".")
    parts = [] if relative == "." else relative.split("/")
    climbs = sum(part == ".." for part in parts)
    names = parts[climbs:]
    strange = next((name for name in names if not name.isidentifier()), None)
    if strange is not None:
        return Unresolvable(f"would have to name {strange!r}, which is no Python name; choose another destination")
    return "." * (climbs + 1) + ".".join(names)
