"""Side files: a conflict laid out for people, and read back as their decision when they have resolved it.

Under the target root, `.mission_control/conflicts/<unit>/<path>` is the file with git's conflict markers, or, where
lines cannot be marked, words on how to resolve it, and `<path>.theirs` the unit's version. `.conflicts.json` in the
unit's folder has the digests of the three sides: a decision counts for those sides only. The destination is not
touched. Nothing here follows a symbolic link, and a side file that people edited is never overwritten.
"""

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from repo_agent_dagster.migration.faults import DestinationError, KeepingFailed
from repo_agent_dagster.migration.merging.conflict_index import (
    INDEX,
    UNFINISHED_INDEX,
    SideFile,
    free_name,
    index_bytes,
    marker_lines,
    read_index,
)
from repo_agent_dagster.migration.merging.outcome import ConflictKind, Merged
from repo_agent_dagster.patching.disk.lock import open_mission_control
from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL
from repo_agent_dagster.patching.disk.tree import Tree

CONFLICTS = f"{MISSION_CONTROL}/conflicts"
_MODE = 0o644
_WORDS = "<<<<<<< a conflict that has no lines to mark: replace this whole text"


@dataclass(frozen=True)
class FileConflict:
    """A file whose merge is a conflict, with its three sides; a side is None where there is no file."""

    path: str
    merged: Merged
    base: bytes | None
    ours: bytes | None
    theirs: bytes | None


@dataclass(frozen=True)
class LaidOut:
    """A conflict that waits for people: the file, its side file (both relative to the target root), and its state."""

    path: str
    side_path: str
    kind: ConflictKind
    is_resolved: bool


@dataclass(frozen=True)
class Resolution:
    """What people decided for a file: its content, or None when it shall not be there."""

    content: bytes | None


def write_conflicts(root: Path, unit: str, conflicts: Iterable[FileConflict]) -> tuple[LaidOut, ...]:
    """Lay out all conflicts of a unit, resolved ones too; return where each is.

    What is laid out already for the same three sides stays as people have edited it. What they edited for other sides
    is kept beside its new text, with the ending `.before`. Files of conflicts that are no more are removed.

    Raises:
        DestinationError: a path leaves the unit's folder.
        UnsafePath: a symbolic link or a file stands where a folder should be.
        KeepingFailed: the file system refused a write.
    """
    wanted = {conflict.path: conflict for conflict in conflicts}
    folder = _folder(unit)
    for path in wanted:
        _refuse_outside(path)
    with _tree(root, makes_folder=True) as tree:
        old = read_index(_content(tree, f"{folder}/{INDEX}"))
        entries = {entry.path: entry for entry in old.conflicts if _stays(tree, folder, entry, wanted.get(entry.path))}
        taken = set(wanted).union(*(entry.files for entry in entries.values()))
        files: dict[str, bytes] = {}
        for path in sorted(wanted.keys() - entries.keys()):
            entries[path], written = _entry(wanted[path], taken)
            files |= written
        was_written = {name: digest for entry in old.conflicts for name, digest in entry.files.items()}
        stay = set().union(*(entry.files for entry in entries.values())) - files.keys()
        # What was laid out before goes first: it may be in a folder of a new file's name.
        for name in [*sorted(was_written.keys() - stay), *sorted(files.keys() - was_written.keys())]:
            _put_away(tree, folder, name, was_written.get(name), files.get(name))
        for name, content in files.items():
            _lay_out(tree, f"{folder}/{name}", content)
        _write_index(tree, folder, entries.values())
        return tuple(_told(tree, folder, entry) for _, entry in sorted(entries.items()))


def read_resolution(
    root: Path, unit: str, path: str, *, base: str | None, ours: str | None, theirs: str | None
) -> Resolution | None:
    """Return what people decided for a file whose sides have these SHA-256 digests (hex; None: no file).

    None while they have not: the side file has markers, is as it was laid out, or was made of other sides.

    Raises:
        UnsafePath: a symbolic link or a file stands where a folder should be.
    """
    folder = _folder(unit)
    with _tree(root) as tree:
        entry = read_index(_content(tree, f"{folder}/{INDEX}")).by_path.get(path)
        if entry is None or not entry.is_of(base, ours, theirs):
            return None
        return _resolution(tree, folder, entry)


def list_conflicts(root: Path, unit: str) -> tuple[LaidOut, ...]:
    """Return what is laid out for a unit, in the order of the paths."""
    folder = _folder(unit)
    with _tree(root) as tree:
        index = read_index(_content(tree, f"{folder}/{INDEX}"))
        return tuple(_told(tree, folder, entry) for entry in index.conflicts)


def clear_conflicts(root: Path, unit: str) -> None:
    """Remove all side files of a unit: when its migration is written, every decision is in the tree.

    Raises:
        UnsafePath: a symbolic link or a file stands where a folder should be.
        KeepingFailed: the file system refused it.
    """
    folder = _folder(unit)
    with _tree(root) as tree:
        # Without its index nothing in the folder counts, should the rest not be removed.
        tree.remove(f"{folder}/{INDEX}")
        _remove_folder(tree, folder)


def _entry(conflict: FileConflict, taken: set[str]) -> tuple[SideFile, dict[str, bytes]]:
    """Return a conflict's record, and the files that lay it out; their names are added to those taken."""
    merged = conflict.merged
    if merged.kind is None:
        raise ValueError(f"{conflict.path} is {merged.outcome}, not in conflict: there is nothing to lay out")
    side = conflict.path
    first, slash, rest = side.partition("/")
    if first in (INDEX, UNFINISHED_INDEX):
        side = free_name(f"{first}.side{slash}{rest}", taken)
    copy = None
    if merged.marked is not None:
        text, markers = merged.marked, marker_lines(merged.marked, conflict.base, conflict.ours, conflict.theirs)
    else:
        if conflict.theirs is not None:
            copy = free_name(conflict.path, taken, ".theirs")
        text, markers = _in_words(merged, copy), (_WORDS,)
    taken |= {side, *([copy] if copy else [])}
    entry = SideFile(
        path=conflict.path,
        side=side,
        copy_of_theirs=copy,
        kind=merged.kind,
        base=_digest(conflict.base),
        ours=_digest(conflict.ours),
        theirs=_digest(conflict.theirs),
        written=sha256(text).hexdigest(),
        markers=markers,
    )
    files = {side: text}
    if copy is not None and conflict.theirs is not None:
        files[copy] = conflict.theirs
    return entry, files


def _in_words(merged: Merged, copy: str | None) -> bytes:
    name = "" if copy is None else copy.rpartition("/")[2]
    choices = ["To decide, put the whole file that you want in the place of this text."]
    if copy is not None:
        choices.append(f"The unit's version lies beside this file: {name!r}.")
    if merged.kind == "deleted":
        choices.append("To have no such file, as it is now, leave nothing in this file: make it empty.")
    return "\n".join(
        [_WORDS, f"This file was {merged.reason}.", *choices, "Then run the migration again.", ""]
    ).encode()


def _stays(tree: Tree, folder: str, entry: SideFile, conflict: FileConflict | None) -> bool:
    """Return whether what is laid out for a conflict is still right: of the same sides, and edited or the same text."""
    if conflict is None or not entry.is_of(*map(_digest, (conflict.base, conflict.ours, conflict.theirs))):
        return False
    content = _content(tree, f"{folder}/{entry.side}")
    if content is None:
        return False
    return _digest(content) != entry.written or entry.written == _entry(conflict, set())[0].written


def _put_away(tree: Tree, folder: str, name: str, written: str | None, new: bytes | None) -> None:
    """Remove a file that is as it was laid out and not what it shall be; one that people edited gets another name."""
    path = f"{folder}/{name}"
    standing = _content(tree, path)
    if standing is None or standing == new:
        return
    parent = path.rpartition("/")[0]
    if _digest(standing) == written:
        tree.remove(path)
    else:
        tree.rename(path, free_name(path, {f"{parent}/{other}" for other in tree.names(parent)}, ".before"))
    while parent != folder and tree.remove_folder(parent):
        parent = parent.rpartition("/")[0]


def _lay_out(tree: Tree, path: str, content: bytes) -> None:
    if tree.status(path) is not None:
        return  # it is laid out already, as `_put_away` has seen
    for missing in tree.missing_folders(path):
        tree.make_folder(missing)
    tree.create(path, content, _MODE)


def _write_index(tree: Tree, folder: str, entries: Collection[SideFile]) -> None:
    """Put the index in its place, after what it tells of is on the disk: an empty side file could be a decision."""
    if not entries:
        tree.remove(f"{folder}/{INDEX}")
        tree.remove_folder(folder)
        return
    files = [f"{folder}/{name}" for entry in entries for name in entry.files]
    files = [path for path in files if tree.status(path) is not None]
    tree.sync(files, {path.rpartition("/")[0] for path in files})
    unfinished, index = f"{folder}/{UNFINISHED_INDEX}", f"{folder}/{INDEX}"
    tree.remove(unfinished)
    tree.create(unfinished, index_bytes(entries), _MODE)
    tree.sync([unfinished], [])
    tree.rename(unfinished, index)


def _resolution(tree: Tree, folder: str, entry: SideFile) -> Resolution | None:
    content = _content(tree, f"{folder}/{entry.side}")
    if content is None or sha256(content).hexdigest() == entry.written or entry.is_marked(content):
        return None
    return Resolution(None if entry.kind == "deleted" and not content else content)


def _told(tree: Tree, folder: str, entry: SideFile) -> LaidOut:
    return LaidOut(entry.path, f"{folder}/{entry.side}", entry.kind, _resolution(tree, folder, entry) is not None)


def _remove_folder(tree: Tree, folder: str) -> None:
    for name in tree.names(folder):
        path = f"{folder}/{name}"
        status = tree.status(path)
        if status is not None and stat.S_ISDIR(status.st_mode):
            _remove_folder(tree, path)
        else:
            tree.remove(path)
    tree.remove_folder(folder)


@contextmanager
def _tree(root: Path, *, makes_folder: bool = False) -> Iterator[Tree]:
    try:
        resolved = root.resolve(strict=True)
        if makes_folder:
            os.close(open_mission_control(resolved))
        with Tree(resolved) as tree:
            yield tree
    except OSError as error:
        raise KeepingFailed(
            f"{root / CONFLICTS} cannot be used ({error.strerror}: {error.filename!r}); make room or give permission"
        ) from error


def _content(tree: Tree, path: str) -> bytes | None:
    state = tree.read(path)
    return None if state is None else state.content


def _folder(unit: str) -> str:
    _refuse_outside(unit)
    if "/" in unit:
        raise DestinationError(f"unit {unit!r} is no name: it has a slash")
    return f"{CONFLICTS}/{unit}"


def _refuse_outside(path: str) -> None:
    if "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise DestinationError(f"path {path!r} is not a plain path below the target root")


def _digest(content: bytes | None) -> str | None:
    return None if content is None else sha256(content).hexdigest()
