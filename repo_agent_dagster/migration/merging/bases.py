"""What the unit brought at its last migration, kept by SHA-256: the bases that the next three-way merge needs.

A folder of packs (the format is in `pack`): each call of `keep` adds one file, however many contents it is given. A
lock on the file ``lock`` lets one process write at a time; readers take none. What is damaged counts as absent, and is
told: a merge without its base reports a conflict where it would have merged, and never loses an edit.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256 as sha256_of
from pathlib import Path

from repo_agent_dagster.migration.faults import KeepingFailed
from repo_agent_dagster.migration.merging.git_blobs import from_git
from repo_agent_dagster.migration.merging.pack import (
    SUFFIX,
    UNFINISHED,
    DamagedPack,
    Pack,
    open_pack,
    sync_folder,
    write_pack,
)

_LOCK = "lock"


@dataclass(frozen=True)
class Pruned:
    """What a pruning did: how many bytes the packs became smaller, and how many contents it dropped as unwanted."""

    freed_bytes: int
    dropped: int


class Bases:
    """The contents kept in a folder, which is made when the first is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packs: dict[str, Pack] = {}
        self._holders: dict[str, list[Pack]] = {}
        self._damaged: dict[str, str] = {}
        self._foreign: set[str] = set()
        self._is_loaded = False

    @property
    def damaged(self) -> Mapping[str, str]:
        """What was found damaged so far, by file name, and in which way."""
        return dict(self._damaged)

    def get(self, sha256: str) -> bytes | None:
        """Return the kept content with this digest (hex); None when none is kept, or what is kept was damaged."""
        if not self._is_loaded:
            self._load()
        found = self._read(sha256)
        if found is None and self._has_changed():  # another process kept or pruned meanwhile
            self._load()
            found = self._read(sha256)
        return found

    def keep(self, contents: Iterable[bytes]) -> None:
        """Keep contents; when it returns they survive a power cut. What is kept already is not written again.

        Raises:
            KeepingFailed: the folder cannot be written; what was kept before still is.
        """
        by_digest = {sha256_of(content).hexdigest(): content for content in contents}
        if not by_digest:
            return
        with self._writing():
            for digest in self._kept_of(by_digest):
                del by_digest[digest]
            if by_digest:
                self._add(open_pack(write_pack(self._folder, by_digest)))

    def prune(self, wanted: set[str]) -> Pruned:
        """Drop what is not among the wanted digests, in packs of which less than half (by bytes) is wanted.

        Packs that are mostly wanted stay as they are; so do files of another version, and what is no pack. Call it
        when no migration is under way: what one has kept, but not yet put into its lock file, is wanted by nobody.

        Raises:
            KeepingFailed: the folder cannot be written; everything wanted is still kept.
        """
        if not self._folder.is_dir():
            return Pruned(0, 0)
        with self._writing():
            before = self._size()
            mostly_unwanted = [pack for pack in self._packs.values() if _wanted_bytes(pack, wanted) * 2 < _size(pack)]
            kept = {
                digest: content
                for pack in mostly_unwanted
                for digest, content in pack.read(sorted(wanted & pack.places.keys()))
                if sha256_of(content).hexdigest() == digest
            }
            held = set().union(*(pack.places for pack in mostly_unwanted))
            together = write_pack(self._folder, kept) if kept else None
            # Only now: until the new pack is on the disk, the old ones hold what is wanted.
            for name in (*(pack.path.name for pack in mostly_unwanted), *self._unreadable(), UNFINISHED):
                if together is None or name != together.name:
                    (self._folder / name).unlink(missing_ok=True)
            sync_folder(self._folder)
            self._load()
            return Pruned(before - self._size(), len(held - self._holders.keys()))

    def _read(self, digest: str) -> bytes | None:
        for pack in self._holders.get(digest, []):
            try:
                ((_, content),) = pack.read([digest])
            except FileNotFoundError:
                continue
            except OSError as error:
                self._damaged[pack.path.name] = f"cannot be read: {error.strerror}"
                continue
            if sha256_of(content).hexdigest() == digest:
                return content
            self._damaged[pack.path.name] = f"was altered: content {digest} does not have its digest"
        return None

    def _kept_of(self, by_digest: Mapping[str, bytes]) -> set[str]:
        """Return the digests of those contents that are kept: compared, since comparing costs less than hashing."""
        kept: set[str] = set()
        for pack in self._packs.values():
            for digest, content in pack.read(sorted(by_digest.keys() & pack.places.keys())):
                if content == by_digest[digest]:
                    kept.add(digest)
                else:
                    self._damaged[pack.path.name] = f"was altered: content {digest} does not have its digest"
        return kept

    def _names(self) -> set[str]:
        try:
            return {name for name in os.listdir(self._folder) if name.endswith(SUFFIX)}  # noqa: PTH208 - names only
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise KeepingFailed(
                f"{self._folder} cannot be read ({error.strerror}); merging needs what is kept there: give permission, "
                "or move away what stands in its place"
            ) from error

    def _has_changed(self) -> bool:
        return self._names() != self._packs.keys() | self._unreadable() | self._foreign

    def _unreadable(self) -> set[str]:
        """The names of packs whose heads are damaged: nothing can be got from them."""
        return self._damaged.keys() - self._packs.keys() - self._foreign

    def _load(self) -> None:
        """Read the heads of the packs that are new, and forget those that are gone."""
        names = self._names()
        self._is_loaded = True
        self._damaged = {name: reason for name, reason in self._damaged.items() if name in names}
        self._foreign &= names
        known, self._packs, self._holders = self._packs, {}, {}
        for name in sorted(names):
            try:
                self._add(known[name] if name in known else open_pack(self._folder / name))
            except FileNotFoundError:
                continue
            except (DamagedPack, OSError) as error:
                self._damaged[name] = str(error)
                if not isinstance(error, DamagedPack) or error.is_foreign:
                    self._foreign.add(name)

    def _add(self, pack: Pack) -> None:
        self._packs[pack.path.name] = pack
        for digest in pack.places:
            self._holders.setdefault(digest, []).append(pack)

    def _size(self) -> int:
        return sum(_size(pack) for pack in self._packs.values())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the folder's lock, with all packs known. It is the kernel's: it ends with its holder."""
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                sync_folder(self._folder.parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._folder / _LOCK, flags, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._load()
                yield
            finally:
                os.close(descriptor)
        except OSError as error:
            raise KeepingFailed(
                f"{self._folder} cannot be written ({error.strerror}); the next merge needs what is kept there: "
                "make room or give permission, and run again"
            ) from error


def find_base(
    sha256: str, *, ours: bytes | None, theirs: bytes | None, bases: Bases | None, root: Path, blob: str | None = None
) -> bytes | None:
    """Return the base with this digest, from wherever it is: a side that did not change, what is kept, or git.

    `blob` is git's name for it, looked for in the repository around `root`. None: the base is lost.
    """
    for side in (ours, theirs):
        if side is not None and sha256_of(side).hexdigest() == sha256:
            return side
    kept = None if bases is None else bases.get(sha256)
    if kept is None and blob is not None:
        found = from_git(root, blob)
        kept = found if found is not None and sha256_of(found).hexdigest() == sha256 else None
    return kept


def _wanted_bytes(pack: Pack, wanted: set[str]) -> int:
    # An entry costs something itself: else a pack whose wanted contents are empty would count as unwanted.
    return sum(size + 1 for digest, (_, size) in pack.places.items() if digest in wanted)


def _size(pack: Pack) -> int:
    return pack.content_bytes + len(pack.places)
