"""The units of a STAGING folder: which there are, what each one's content is, and whether somebody still writes it."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

LOCK_NAME = ".migration-lock.json"
MANIFEST_NAMES = ("migration-manifest.yaml", "migration-manifest.yml", "migration-manifest.json")
MANIFESTS_FOLDER = "manifests"
SKIPPED_FOLDERS = frozenset({".git", "node_modules", "__pycache__", ".mission_control"})
EDITOR_FILES = (".DS_Store", "Thumbs.db", "*~", "*.swp", "*.swo", "*.swx", ".#*", "#*#", "4913", ".nfs*", "*.pyc")
"""What editors, desktops and interpreters leave behind; never part of a unit."""
PARTIAL_FILES = ("*.part", "*.partial", "*.crdownload", ".~tmp~")
"""What a download or a copy leaves while it is under way: a unit that holds one is not settled."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class StagingUnit:
    """One folder under STAGING, as it was when it was scanned.

    `digest` is the SHA-256 over relative paths, executable bits and bytes (and the central manifest, if it has one).
    `last_changed` is the newest change that the file system itself recorded (ctime), so that a copy which keeps old
    modification times still counts as new. `unfinished` names files that show that the unit is still being written.
    """

    name: str
    path: Path
    digest: str
    last_changed: datetime
    unfinished: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One file that the walk met: its path relative to the unit, and what the file system says of it."""

    relative: str
    path: Path
    status: os.stat_result


def scan_staging(staging_dir: Path) -> list[StagingUnit]:
    """Return the units of a STAGING folder, sorted by name; an absent folder has none.

    Every folder counts but `manifests`, hidden ones and symlinks. A unit that vanishes during the scan is left out;
    a file that does is named in `unfinished`.
    """
    try:
        folders = [entry for entry in os.scandir(staging_dir) if _is_unit(entry)]
    except FileNotFoundError:
        return []
    units = (scan_unit(Path(entry.path), staging_dir) for entry in sorted(folders, key=lambda entry: entry.name))
    return [unit for unit in units if unit is not None]


def scan_unit(unit_path: Path, staging_dir: Path | None = None) -> StagingUnit | None:
    """Return the unit in a folder as it is now, or None if the folder is not there."""
    try:
        newest = unit_path.stat().st_ctime
    except OSError:
        return None
    name = unit_path.resolve().name
    lines: list[str] = []
    unfinished: list[str] = []
    for entry in walk_unit(unit_path, unfinished):
        newest = max(newest, entry.status.st_ctime)
        if stat.S_ISDIR(entry.status.st_mode):
            continue
        if is_partial(entry.relative):
            unfinished.append(entry.relative)
        try:
            lines.append(_entry_line(entry))
        except OSError:
            unfinished.append(entry.relative)
    for manifest in central_manifests(staging_dir or unit_path.resolve().parent, name):
        try:
            lines.append(_line(f"../{MANIFESTS_FOLDER}/{manifest.name}", "-", _digest_file(manifest)))
            newest = max(newest, manifest.stat().st_ctime)
        except OSError:
            unfinished.append(manifest.name)
    return StagingUnit(
        name, unit_path, digest_of(lines), datetime.fromtimestamp(newest, UTC), tuple(sorted(unfinished))
    )


def is_settled(unit: StagingUnit, *, now: datetime, settle_seconds: float) -> bool:
    """Return whether nothing in the unit changed for `settle_seconds`, and nothing in it is half-written."""
    return not unit.unfinished and now - unit.last_changed >= timedelta(seconds=settle_seconds)


def central_manifests(staging_dir: Path, name: str) -> list[Path]:
    """Return the manifests kept for a unit in ``<staging_dir>/manifests``; more than one is the author's mistake."""
    folder = staging_dir / MANIFESTS_FOLDER
    return [path for suffix in ("yaml", "yml", "json") if (path := folder / f"{name}.{suffix}").is_file()]


def walk_unit(unit_path: Path, unfinished: list[str]) -> Iterator[Entry]:
    """Yield the unit's folders, files and symlinks (never followed); what vanishes or is locked goes to `unfinished`.

    Left out: version control, installed packages, caches, what editors leave, and the lock of an earlier migration.
    """
    pending = [(unit_path, "")]
    while pending:
        folder, prefix = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            unfinished.append(prefix or ".")
            continue
        folders = []
        for entry in entries:
            relative = prefix + entry.name
            if _is_left_out(entry.name):
                if entry.name == ".git" and (Path(entry.path) / "index.lock").exists():
                    unfinished.append(f"{relative}/index.lock")
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                unfinished.append(relative)
                continue
            yield Entry(relative, Path(entry.path), status)
            if stat.S_ISDIR(status.st_mode):
                folders.append((Path(entry.path), relative + "/"))
        pending.extend(reversed(folders))


def is_partial(relative: str) -> bool:
    """Return whether a file's name says that it is still being written."""
    name = relative.rpartition("/")[2]
    return any(fnmatchcase(name, pattern) for pattern in PARTIAL_FILES)


def entry_line(relative: str, executable: bool, content: bytes) -> str:
    """Return the line that stands for one plain file in a unit's digest."""
    return _line(relative, "x" if executable else "-", sha256(content).hexdigest())


def symlink_line(relative: str, target: str) -> str:
    """Return the line that stands for a symlink in a unit's digest."""
    return _line(relative, "l", sha256(os.fsencode(target)).hexdigest())


def special_line(relative: str) -> str:
    """Return the line that stands for a socket, pipe or device in a unit's digest."""
    return _line(relative, "s", "")


def digest_of(lines: list[str]) -> str:
    """Return the digest of a unit from the lines of its files, in any order."""
    return sha256("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()


def is_executable(mode: int) -> bool:
    """Return whether the owner may execute the file: the one permission that migrates."""
    return bool(mode & stat.S_IXUSR)


def _is_unit(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.name != MANIFESTS_FOLDER and entry.is_dir(follow_symlinks=False)


def _is_left_out(name: str) -> bool:
    return name in SKIPPED_FOLDERS or name == LOCK_NAME or any(fnmatchcase(name, pattern) for pattern in EDITOR_FILES)


def _entry_line(entry: Entry) -> str:
    mode = entry.status.st_mode
    if stat.S_ISLNK(mode):
        return symlink_line(entry.relative, str(entry.path.readlink()))
    if not stat.S_ISREG(mode):  # a socket or a pipe: reading it could block for ever
        return special_line(entry.relative)
    return _line(entry.relative, "x" if is_executable(mode) else "-", _digest_file(entry.path))


def _line(relative: str, kind: str, digest: str) -> str:
    return f"{digest} {kind} {relative!r}"


def _digest_file(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
