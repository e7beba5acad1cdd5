"""Which file of a package an import of it means: by package.json's exports, else its main fields, else its index."""

import posixpath
from collections.abc import Callable, Container, Iterable
from typing import Any

from repo_agent_dagster.migration.inventory.structured_files import mapping_of, text_of
from repo_agent_dagster.migration.rewriting import resolve

_MAIN_FIELDS = ("types", "module", "main")


Packages = dict[str, tuple[str, dict[str, Any]]]
"""Packages by name: the folder of each, and what its package.json says."""


def packages_among(paths: Iterable[str], read: Callable[[str], Any]) -> Packages:
    """Return the packages whose package.json is among some files; of two with one name it is the first by path.

    `read` gives what the package.json at a path says, as plain data.
    """
    found: Packages = {}
    for path in sorted(path for path in paths if posixpath.basename(path) == "package.json"):
        description = read(path)
        name = text_of(description, "name")
        if name:
            found.setdefault(name, (posixpath.dirname(path), description))
    return found


def package_of(specifier: str) -> tuple[str, str]:
    """Return the name of the package that a specifier begins with, and what follows it and its slash."""
    parts = specifier.split("/")
    length = 2 if specifier.startswith("@") else 1
    return "/".join(parts[:length]), "/".join(parts[length:])


def entry_of(description: dict[str, Any], folder: str, key: str, files: Container[str]) -> str | None:
    """Return the file behind ``.`` or ``./path`` of the package in a folder, or None where there is none."""
    if "exports" in description:
        return exported_file(description, folder, key, files)
    if key != ".":
        return file_at(posixpath.join(folder, key), files)
    for field in _MAIN_FIELDS:
        given = text_of(description, field)
        if given is not None and (file := file_at(posixpath.join(folder, given), files)) is not None:
            return file
    return file_at(folder or ".", files)


def file_of_import(description: dict[str, Any], folder: str, rest: str, files: Container[str]) -> str | None:
    """Return the file that an import of a package among the files means; `rest` is what follows its name and slash.

    Where package.json names what is yet to be built, it is the source of that: what ``src`` holds under the same path.
    """
    built = entry_of(description, folder, f"./{rest}" if rest else ".", files)
    return built or file_at(posixpath.join(folder, "src", rest), files)


def exported_file(description: dict[str, Any], folder: str, key: str, files: Container[str]) -> str | None:
    """Return the file that ``exports`` of package.json gives for a key, also by a pattern with one star."""
    exports = description.get("exports")
    table = mapping_of(description, "exports")
    if isinstance(exports, str) or (table and not any(name.startswith(".") for name in table)):
        table = {".": exports}
    return _mapped(table, folder, key, files)


def imported_file(description: dict[str, Any], folder: str, key: str, files: Container[str]) -> str | None:
    """Return the file that ``imports`` of package.json gives for a name such as ``#db``, inside of that package."""
    return _mapped(mapping_of(description, "imports"), folder, key, files)


def _mapped(table: dict[str, Any], folder: str, key: str, files: Container[str]) -> str | None:
    value, star = table.get(key), ""
    if value is None:
        for pattern, one in table.items():
            before, has_star, after = pattern.partition("*")
            if has_star and key.startswith(before) and key.endswith(after) and len(key) > len(before) + len(after):
                value, star = one, key[len(before) : len(key) - len(after)]
                break
    place = _first_path(value)
    return None if place is None else file_at(posixpath.join(folder, place.replace("*", star)), files)


def file_at(place: str, files: Container[str]) -> str | None:
    """Return the file that a path from the root means, as an import would: with or without ending, or an index."""
    path = posixpath.normpath(place)
    return None if path.startswith("..") else resolve.resolves(f"./{path}", "index.ts", files)


def _first_path(value: object) -> str | None:
    """Return the first path of a conditional export: the order of its keys is the order of preference."""
    while isinstance(value, dict):
        value = next(iter(value.values()), None)
    return value if isinstance(value, str) else None
