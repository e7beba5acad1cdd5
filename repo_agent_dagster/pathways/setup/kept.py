"""Set-ups that are kept: what an installation made, as a tar for the next task on the same dependencies.

Each is one file, `<key>.setup`, as `kept_format` writes it; its time of modification is that of its last use.
"""

import fcntl
import hashlib
import json
import os
import tempfile
import time
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pydantic import ValidationError

from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.pathways.setup.kept_format import FORMAT, Broken, TooLarge, pack, read_head, unpack

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

_SUFFIX = ".setup"
_PART = ".part"
_ABANDONED_SECONDS = 6 * 3600
_POLL_SECONDS = 0.2
_MAX_SHARE = 2  # one set-up takes at most this part of the budget: half


@dataclass(frozen=True)
class SetupKey:
    """What a set-up depends on. `facts` are names with digests; `commit` is empty where it does not depend on it.

    The URL is part of it, so that one repository cannot bring anything into the sandboxes of another.
    """

    image: str
    url: str
    subfolder: str
    ecosystem: str
    commands: tuple[str, ...]
    facts: Mapping[str, str]
    commit: str = ""

    def digest(self) -> str:
        """Return the name under which the set-up is kept."""
        parts = [FORMAT, self.image, self.url, self.subfolder, self.ecosystem, list(self.commands), self.commit]
        text = json.dumps([*parts, sorted(self.facts.items())])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class KeptSetup:
    """One set-up that is kept: whose it is, how large, and when it was made and used last (UTC)."""

    key: str
    url: str
    bytes: int
    made: datetime
    last_used: datetime
    summary: str


class KeptSetups:
    """The set-ups kept in one folder, at most `budget_mb` MiB in all: the one that was used least recently goes first.

    A budget of 0 keeps none.
    """

    def __init__(self, folder: Path, budget_mb: int) -> None:
        self._folder = folder
        self._budget = budget_mb << 20

    @contextmanager
    def making(self, key: SetupKey, *, wait_seconds: float) -> Iterator[None]:
        """Hold back other tasks that would make the same set-up, until this one has kept it.

        Who waited for `wait_seconds` goes on: a set-up that is made twice is no fault.
        """
        if not self._budget:
            yield
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{key.digest()}.lock"
        descriptor = _locked(path, wait_seconds)
        try:
            yield
        finally:
            if descriptor is not None:
                path.unlink(missing_ok=True)  # while it is held: see `_locked`
                os.close(descriptor)

    def has(self, key: SetupKey) -> bool:
        """Whether there is something under the key, whole or not."""
        return self._path(key).exists()

    def restore(
        self, key: SetupKey, box: "Sandbox", *, tracked: Collection[str], root: str, now: datetime
    ) -> SetupSummary | None:
        """Bring a kept set-up into a sandbox and return how it was made; None where there is none that is of use.

        One that is broken is thrown away, and so is what it left in the sandbox. One that would write over a file
        that the clone at `root` has by its commit (`tracked`, from that root) is left alone.
        """
        path = self._path(key)
        try:
            with path.open("rb") as file:
                head = read_head(file)
                summary = SetupSummary.model_validate(head["summary"])
                if clashes(head["paths"], tracked, root):
                    return None
                unpack(file, head, box)
        except FileNotFoundError:
            return None
        except (Broken, ValidationError):
            path.unlink(missing_ok=True)
            return None
        with suppress(FileNotFoundError):  # another task's pruning
            os.utime(path, (now.timestamp(), now.timestamp()))
        return summary

    def keep(self, key: SetupKey, box: "Sandbox", paths: Sequence[str], summary: SetupSummary, *, now: datetime) -> int:
        """Keep what a set-up made at these paths of a sandbox; return the bytes it takes, 0 where it is too large.

        Raises:
            SandboxFileError: the sandbox does not give the files.
            OSError: the host's disk does not take them.
        """
        if not self._budget or not paths:
            return 0
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix="making-", suffix=_PART)
        # Under another name until it is whole: who is killed half-way, or reads meanwhile, sees nothing of it.
        part = Path(name)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                pack(file, key.url, box, paths, summary, now=now, limit=self._budget // _MAX_SHARE)
            os.utime(part, (now.timestamp(), now.timestamp()))
            size = part.stat().st_size
            part.rename(self._path(key))
        except TooLarge:
            return 0
        finally:
            part.unlink(missing_ok=True)
        self.prune(self._budget)
        return size

    def listing(self) -> list[KeptSetup]:
        """Return what is kept, the one used last first."""
        found = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            try:
                with path.open("rb") as file:
                    head = read_head(file)
                state = path.stat()
            except (OSError, Broken):
                continue
            made, used = datetime.fromisoformat(head["made"]), datetime.fromtimestamp(state.st_mtime, UTC)
            note = str(head["summary"].get("note", ""))
            found.append(KeptSetup(path.stem, str(head["url"]), state.st_size, made, used, note))
        return sorted(found, key=lambda one: one.last_used, reverse=True)

    def prune(self, max_bytes: int, *, dry_run: bool = False) -> list[KeptSetup]:
        """Remove the set-ups that were not used for the longest time until the rest takes at most `max_bytes`."""
        room, gone = max_bytes, []
        for one in self.listing():
            room -= one.bytes
            if room < 0:
                gone.append(one)
                if not dry_run:
                    (self._folder / f"{one.key}{_SUFFIX}").unlink(missing_ok=True)
        if not dry_run:
            self._sweep()
        return gone

    def _sweep(self) -> None:
        """Remove what a killed task left half written."""
        for part in self._folder.glob(f"*{_PART}"):
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
                    part.unlink()

    def _path(self, key: SetupKey) -> Path:
        return self._folder / f"{key.digest()}{_SUFFIX}"


def clashes(paths: Sequence[str], tracked: Collection[str], root: str) -> bool:
    """Whether one of the absolute paths is, holds or lies below a tracked file of the clone at `root`."""
    inside = [path[len(root) + 1 :].rstrip("/") for path in paths if path.startswith(f"{root}/")]
    files, ordered = set(tracked), sorted(tracked)
    for path in inside:
        after = bisect_left(ordered, f"{path}/")
        if path in files or (after < len(ordered) and ordered[after].startswith(f"{path}/")):
            return True
        if any(str(parent) in files for parent in PurePosixPath(path).parents):
            return True
    return False


def _locked(path: Path, wait_seconds: float) -> int | None:
    """Return the descriptor of a lock that is held, None where another holds it for too long."""
    until = time.monotonic() + wait_seconds
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last holder removed the file: whoever comes next locks a new one, so this one holds nobody back.
            if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        if time.monotonic() >= until:
            return None
        time.sleep(_POLL_SECONDS)
