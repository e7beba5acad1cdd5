"""The units of a STAGING folder: which there are, what each one's content is, and whether somebody still writes it."""

import marshal
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from repo_agent_dagster.migration.units.digest import (
    digest_of,
    growing_line,
    hash_file,
    hashed_line,
    special_line,
    symlink_line,
)
from repo_agent_dagster.migration.units.known_hashes import KnownHashes, KnownUnit
from repo_agent_dagster.migration.units.walk import (
    LOCK_NAME,
    SKIPPED_FOLDERS,
    Entry,
    is_executable,
    is_partial,
    walk_unit,
)

__all__ = [
    "LOCK_NAME",
    "MANIFESTS_FOLDER",
    "MANIFEST_NAMES",
    "SKIPPED_FOLDERS",
    "StagingUnit",
    "central_manifests",
    "is_executable",
    "is_settled",
    "scan_staging",
    "scan_unit",
]

MANIFEST_NAMES = ("migration-manifest.yaml", "migration-manifest.yml", "migration-manifest.json")
MANIFESTS_FOLDER = "manifests"

RACY_NANOSECONDS = 2_000_000_000
"""A file that changed less than this before a scan may change again without a new time stamp: some file systems count
whole seconds, some two. Its hash is not kept."""

LARGE_BYTES = 16 * 1024 * 1024
"""A file of this size or more that changed a moment ago is not hashed at each look, but taken as being written."""


@dataclass(frozen=True)
class StagingUnit:
    """One folder under STAGING, as it was when it was scanned.

    `digest` is the SHA-256 over relative paths, executable bits and bytes (and the central manifest, if it has one).
    `last_changed` is the newest change that the file system itself recorded (ctime), so that a copy which keeps old
    modification times still counts as new. `unfinished` names what shows that the unit is still being written, or was
    not read to its end; the digest then stands for this look alone.
    """

    name: str
    path: Path
    digest: str
    last_changed: datetime
    unfinished: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """How to look: with which hashes of earlier scans, until when, and by which clock (the file system's)."""

    known: KnownHashes | None = None
    out_of_time: Callable[[], bool] = lambda: False
    clock_ns: Callable[[], int] = time.time_ns


@dataclass
class _Reading:
    """One unit while it is read: what goes into its digest, and what is known of its files afterwards."""

    unit_path: Path
    look: Look
    began_ns: int
    lines: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    files: dict[str, tuple[str, str]] = field(default_factory=dict)


def scan_staging(staging_dir: Path, look: Look | None = None) -> list[StagingUnit]:
    """Return the units of a STAGING folder, sorted by name; an absent folder has none.

    Every folder counts but `manifests`, hidden ones and symlinks. A unit that vanishes during the scan is left out;
    a file that does is named in `unfinished`.
    """
    look = look or Look()
    try:
        folders = [Path(entry.path) for entry in os.scandir(staging_dir) if _is_unit(entry)]
    except FileNotFoundError:
        return []
    units = [scan_unit(folder, staging_dir, look) for folder in sorted(folders, key=lambda folder: folder.name)]
    if look.known is not None:
        look.known.forget_all_but(folders)
    return [unit for unit in units if unit is not None]


def scan_unit(unit_path: Path, staging_dir: Path | None = None, look: Look | None = None) -> StagingUnit | None:
    """Return the unit in a folder as it is now, or None if the folder is not there."""
    look = look or Look()
    reading = _Reading(unit_path, look, look.clock_ns())
    try:
        newest = unit_path.stat().st_ctime
    except OSError:
        return None
    name = unit_path.resolve().name
    entries: list[Entry] = []
    for entry in walk_unit(unit_path, reading.unfinished):
        newest = max(newest, entry.status.st_ctime)
        if not stat.S_ISDIR(entry.status.st_mode):
            entries.append(entry)
    if not entries:
        reading.unfinished.append(".")  # made a moment ago, by whoever is going to fill it
    for manifest in central_manifests(staging_dir or unit_path.resolve().parent, name):
        try:
            place = str(manifest.resolve())  # a person put it there, so it may be a symlink
            entries.append(Entry(f"../{MANIFESTS_FOLDER}/{manifest.name}", place, manifest.stat()))
            newest = max(newest, entries[-1].status.st_ctime)
        except OSError:
            reading.unfinished.append(manifest.name)
    digest = _digest(reading, entries)
    unfinished = tuple(sorted(reading.unfinished))
    return StagingUnit(_printable(name), unit_path, digest, datetime.fromtimestamp(newest, UTC), unfinished)


def is_settled(unit: StagingUnit, *, now: datetime, settle_seconds: float) -> bool:
    """Return whether nothing in the unit changed for `settle_seconds`, and nothing in it is half-written."""
    return not unit.unfinished and now - unit.last_changed >= timedelta(seconds=settle_seconds)


def central_manifests(staging_dir: Path, name: str) -> list[Path]:
    """Return the manifests kept for a unit in ``<staging_dir>/manifests``; more than one is the author's mistake."""
    folder = staging_dir / MANIFESTS_FOLDER
    return [path for suffix in ("yaml", "yml", "json") if (path := folder / f"{name}.{suffix}").is_file()]


def _is_unit(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.name != MANIFESTS_FOLDER and entry.is_dir(follow_symlinks=False)


def _printable(name: str) -> str:
    # A name that is not UTF-8 is in no database and no log: it is told with its bytes written out.
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _digest(reading: _Reading, entries: list[Entry]) -> str:
    """Return the unit's digest, from what earlier scans kept where nothing changed since."""
    stamp_of_all = _stamp_of(entries)
    known = reading.look.known
    kept = None if known is None or reading.unfinished else known.digest(reading.unit_path, stamp_of_all)
    if kept is not None:
        return kept
    before = KnownUnit() if known is None else known.read(reading.unit_path)
    for entry in entries:
        _read_entry(reading, entry, before)
    digest = digest_of(reading.lines)
    is_final = not reading.unfinished and not any(_is_racy(reading, entry) for entry in entries)
    after = KnownUnit(stamp_of_all if is_final else "", digest if is_final else "", reading.files)
    if known is not None and after != before:
        with suppress(OSError):  # a full disk costs the next scan time, and nothing else
            known.write(reading.unit_path, after)
    return digest


def _read_entry(reading: _Reading, entry: Entry, before: KnownUnit) -> None:
    mode, relative, stamp = entry.status.st_mode, entry.relative, _stamp(entry.status)
    if is_partial(relative):
        reading.unfinished.append(relative)
    try:
        if stat.S_ISLNK(mode):
            reading.lines.append(symlink_line(relative, str(entry.path.readlink())))
        elif not stat.S_ISREG(mode):  # a socket or a pipe: reading it could block for ever
            reading.lines.append(special_line(relative))
        elif (hashed := _hash(reading, entry, stamp, before)) is None:
            reading.lines.append(growing_line(relative, stamp))
            reading.unfinished.append(relative)
        else:
            reading.lines.append(hashed_line(relative, is_executable(mode), hashed))
    except OSError:
        reading.unfinished.append(relative)


def _hash(reading: _Reading, entry: Entry, stamp: str, before: KnownUnit) -> str | None:
    """Return the hash of a file's content, kept or fresh; None if it is better read later."""
    kept_stamp, hashed = before.files.get(entry.relative, ("", ""))
    if kept_stamp != stamp:
        racy = _is_racy(reading, entry)
        if (racy and entry.status.st_size >= LARGE_BYTES) or reading.look.out_of_time():
            return None
        hashed = hash_file(entry.place)
        if racy:
            return hashed
    reading.files[entry.relative] = (stamp, hashed)
    return hashed


def _is_racy(reading: _Reading, entry: Entry) -> bool:
    # By ctime, which nobody can set: an archive may well hold modification times of next year.
    return entry.status.st_ctime_ns > reading.began_ns - RACY_NANOSECONDS


def _stamp_of(entries: list[Entry]) -> str:
    """Return what stands for the time stamps of all files: it differs when one of them does."""
    told = [
        (entry.relative, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        for entry in entries
        for status in (entry.status,)
    ]
    # The quickest way from numbers to bytes; its second version, whose bytes depend on the values alone.
    return sha256(marshal.dumps(told, 2)).hexdigest()


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_mode:o} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
