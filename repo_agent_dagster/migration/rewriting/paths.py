"""Paths and globs in configuration files: what they mean in the unit, and what they must say after it moved."""

import posixpath
import re
from dataclasses import dataclass

from repo_agent_dagster.migration.manifest.globs import matches
from repo_agent_dagster.migration.rewriting import resolve
from repo_agent_dagster.migration.rewriting.moving_unit import MovingUnit, ancestors
from repo_agent_dagster.migration.rewriting.resolve import Unresolvable

_WILD = re.compile(r"[*?]")


@dataclass(frozen=True)
class Base:
    """The folder that a path is relative to: in the unit (`old`) and at the destination (`new`); "" is the root."""

    old: str
    new: str


def base_of(path: str, unit: MovingUnit) -> Base:
    """Return the folder of a file that moves."""
    return Base(posixpath.dirname(path), posixpath.dirname(unit.moved[path]))


def rebase_path(written: str, base: Base, unit: MovingUnit, *, marker: str | None = None) -> str | Unresolvable:
    """Return what a path to a file or a folder must be once all has moved; itself, where nothing changes.

    A path to nothing in the unit (a build's output) follows the folder that would hold it. `marker` is the file that
    makes a folder what is meant (package.json, tsconfig.json): where it goes, the folder goes.
    """
    target = inside(base.old, written)
    if isinstance(target, Unresolvable):
        return written if _stands(written, base, marker, unit) else target
    place = _place(target, marker, unit)
    if place is None:
        if (
            _stands(written, base, marker, unit)
            or _is_of_base(target, base, unit)
            or _still_holds_all(target, written, base, unit)
        ):
            return written
        return Unresolvable(_why(target, unit))
    return spelled(place, target, written, base)


def rebase_entry(written: str, base: Base, unit: MovingUnit) -> str | Unresolvable:
    """Like `rebase_path`, for a path that may leave out its file's ending or its index file."""
    target = inside(base.old, written)
    if not isinstance(target, Unresolvable) and target not in unit.relocation.files:
        relative = posixpath.relpath(target or ".", base.old or ".")
        importer = posixpath.join(base.old, "tsconfig.json")
        hit = resolve.resolves(
            relative if relative.startswith("..") else f"./{relative}", importer, unit.relocation.files
        )
        if hit is not None and hit.startswith(target):
            if hit not in unit.moved:
                return Unresolvable(f"means {hit}, which no files rule moves; add one")
            ending, new = hit[len(target) :], unit.moved[hit]
            return spelled(new.removesuffix(ending) if new != ending else new, target, written, base)
    return rebase_path(written, base, unit)


def rebase_glob(written: str, base: Base, unit: MovingUnit) -> str | Unresolvable:
    """Return what a pattern with ``*``, ``?`` and ``**`` must be; what it matched must go on being matched."""
    segments = written.split("/")
    wild = next((number for number, segment in enumerate(segments) if _WILD.search(segment)), None)
    if wild is None:
        return rebase_path(written, base, unit)
    fixed, rest = "/".join(segments[:wild]), "/".join(segments[wild:])
    target = inside(base.old, fixed or ".")
    if isinstance(target, Unresolvable):
        return target
    image = unit.folders.get(target)
    if image is not None:
        folder = spelled(image, target, fixed or ".", base)
        if folder == (fixed or "."):
            return written
        new = rest if folder == "." else f"{folder}/{rest}"
        return f"./{new.removeprefix('./')}" if written.startswith("./") and not new.startswith("../") else new
    lost = _no_longer_matched(written, base, unit)
    if lost is None:
        return written
    return Unresolvable(f"matches files that move apart ({lost} goes to {unit.moved[lost]}); write it anew")


def inside(folder: str, written: str) -> str | Unresolvable:
    """Return the path in the unit that is meant from a folder ("" for the root), or why it is none of the unit's."""
    if "\\" in written:
        return Unresolvable("has backslashes; write the path with forward slashes")
    target = posixpath.normpath(posixpath.join(folder, written))
    if target.startswith("/"):
        return Unresolvable("is an absolute path; make it relative")
    if target == ".." or target.startswith("../"):
        return Unresolvable("climbs out of the unit; write what it is at the destination by hand")
    return "" if target == "." else target


def spelled(new: str, old: str, written: str, base: Base) -> str:
    """Return the way to a path, written as the old one was: with or without ``./`` and a slash at the end."""
    relation = posixpath.relpath(new or ".", base.new or ".")
    if relation == posixpath.relpath(old or ".", base.old or "."):
        return written
    if written.startswith(".") and not relation.startswith("."):
        relation = f"./{relation}"
    return relation + "/" if written.endswith("/") else relation


def _place(target: str, marker: str | None, unit: MovingUnit) -> str | None:
    """Return where a path of the unit goes, or None where that is not certain."""
    if target in unit.moved:
        return unit.moved[target]
    if target in unit.relocation.files:
        return None
    if marker is not None and (marked := posixpath.join(target, marker)) in unit.relocation.files:
        new = unit.moved.get(marked)
        return posixpath.dirname(new) if new is not None and posixpath.basename(new) == marker else None
    if target in unit.all_folders:
        return unit.folders.get(target)
    anchor = next((folder for folder in ancestors(target) if folder in unit.all_folders), "")
    image = unit.folders.get(anchor)
    return None if image is None else posixpath.join(image, posixpath.relpath(target, anchor or "."))


def _is_of_base(target: str, base: Base, unit: MovingUnit) -> bool:
    """Return whether the path means its base itself, or what a build will put there (``dist/index.js``)."""
    return target == base.old or (
        target not in unit.relocation.files
        and target not in unit.all_folders
        and next((folder for folder in ancestors(target) if folder in unit.all_folders), None) == base.old
    )


def _still_holds_all(target: str, written: str, base: Base, unit: MovingUnit) -> bool:
    """Return whether all files of a folder land below what the path means then, though not as they stood in it."""
    if target not in unit.folders:
        return False
    place = posixpath.normpath(posixpath.join(base.new, written))
    return all(new.startswith(f"{place}/") for old, new in unit.moved.items() if old.startswith(f"{target}/"))


def _stands(written: str, base: Base, marker: str | None, unit: MovingUnit) -> bool:
    """Return whether the path, as it is written, is right at the destination."""
    place = posixpath.normpath(posixpath.join(base.new, written))
    return place in unit.relocation.after or (
        marker is not None and posixpath.normpath(posixpath.join(place, marker)) in unit.relocation.after
    )


def _why(target: str, unit: MovingUnit) -> str:
    if target in unit.relocation.files or (target in unit.all_folders and target not in unit.folders):
        return f"means {target}, which no files rule moves; add one"
    if target in unit.folders:
        return f"means the folder {target or 'of the unit'}, whose files move apart; write it anew"
    return "names nothing in the unit, and its folder's files move apart; write it anew"


def _no_longer_matched(written: str, base: Base, unit: MovingUnit) -> str | None:
    """Return a file that the pattern matches in the unit and would no longer match at the destination."""
    glob = posixpath.normpath(written)
    for old, new in sorted(unit.moved.items()):
        if matches(glob, posixpath.relpath(old, base.old or ".")) and not matches(
            glob, posixpath.relpath(new, base.new or ".")
        ):
            return old
    return None
