"""What a migration would do, worked out without doing it: every file's action, bytes, rewrites and open questions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.faults import DestinationError
from repo_agent_dagster.migration.manifest.reading import manifest_digest
from repo_agent_dagster.migration.planning.destination import Destination, Standing
from repo_agent_dagster.migration.planning.diff import file_diff
from repo_agent_dagster.migration.planning.lock import LockedFile, MigrationLock, lock_path, read_lock
from repo_agent_dagster.migration.planning.placement import place_files
from repo_agent_dagster.migration.rewriting.file import Rewrite, Unresolved, rewrite_file
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from repo_agent_dagster.migration.units.contents import Left, read_unit

Action = Literal["create", "update", "unchanged", "delete", "conflict"]
_TOUCHING: tuple[Action, ...] = ("create", "update", "delete")


@dataclass(frozen=True)
class Change:
    """What becomes of one file under the target root; `old` and `new` are its whole bytes, None where there is none.

    `reason` is given where the action is not what the source alone asks for: a conflict, a deletion, a file kept.
    """

    path: str
    action: Action
    old: bytes | None
    new: bytes | None
    executable: bool = False
    was_executable: bool = False
    reason: str | None = None

    @property
    def old_sha256(self) -> str | None:
        """SHA-256 of the file as it stands, in hex."""
        return None if self.old is None else sha256(self.old).hexdigest()

    @property
    def new_sha256(self) -> str | None:
        """SHA-256 of the file as it shall be, in hex."""
        return None if self.new is None else sha256(self.new).hexdigest()


@dataclass(frozen=True)
class Plan:
    """A migration that has not happened: pure data, the same for the same unit, manifest and target tree."""

    unit_path: Path
    target_root: Path
    manifest: Manifest
    source_digest: str
    manifest_digest: str
    changes: tuple[Change, ...]
    rewrites: tuple[Rewrite, ...]
    unresolved: tuple[Unresolved, ...]
    left_out: tuple[Left, ...]
    dead_rules: tuple[str, ...]

    @property
    def unit(self) -> str:
        """The unit's name, as its manifest gives it."""
        return self.manifest.unit

    @property
    def destination(self) -> str:
        """The folder that receives the unit, relative to the target root."""
        return self.manifest.destination

    @cached_property
    def conflicts(self) -> tuple[Change, ...]:
        """The files that are not ours to overwrite; while there is one, nothing can be executed."""
        return tuple(change for change in self.changes if change.action == "conflict")

    @cached_property
    def touching(self) -> tuple[Change, ...]:
        """The changes that write or delete, in the order of their paths."""
        return tuple(change for change in self.changes if change.action in _TOUCHING)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do: no change and no conflict."""
        return not self.touching and not self.conflicts

    def diff(self) -> str:
        """Return all changes as one git-style unified diff that `git apply` accepts; binary files are only named."""
        return "".join(
            file_diff(
                change.path,
                change.old,
                change.new,
                old_executable=change.was_executable,
                new_executable=change.executable,
            )
            for change in self.touching
        )

    def counts(self) -> dict[str, int]:
        """Return how many files have each action."""
        actions: tuple[Action, ...] = ("create", "update", "delete", "conflict", "unchanged")
        return {action: sum(change.action == action for change in self.changes) for action in actions}

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values, contents by their SHA-256."""
        return {
            "unit": self.unit,
            "destination": self.destination,
            "order_id": self.manifest.order_id,
            "source_digest": self.source_digest,
            "manifest_digest": self.manifest_digest,
            "is_empty": self.is_empty,
            "counts": self.counts(),
            "changes": [
                {
                    "path": change.path,
                    "action": change.action,
                    "old_sha256": change.old_sha256,
                    "new_sha256": change.new_sha256,
                    "executable": change.executable,
                    "reason": change.reason,
                }
                for change in self.changes
            ],
            "rewrites": [asdict(rewrite) for rewrite in self.rewrites],
            "unresolved": [asdict(unresolved) for unresolved in self.unresolved],
            "left_out": [asdict(left) for left in self.left_out],
            "dead_rules": list(self.dead_rules),
        }


def plan(unit_path: Path, target_root: Path, manifest: Manifest) -> Plan:
    """Return what migrating the unit would do to the target root; reads both, writes nothing.

    Raises:
        UnitError: the unit is missing, its `source` holds no file, or two files want one place.
        UnitChanging: the unit's files vanish while they are read.
        DestinationError: the target root is missing, the destination belongs to another unit or its lock is damaged.
    """
    if not target_root.is_dir():
        raise DestinationError(f"target root {target_root} is not a folder; name the monorepo's folder with --into")
    contents = read_unit(unit_path)
    moved, dead_files = place_files(contents, manifest)
    destination = Destination(target_root)
    lock = _previous_lock(destination, manifest)
    relocation = Relocation(frozenset(contents.by_path), moved, destination.holds_file)
    changes: list[Change] = []
    rewrites: list[Rewrite] = []
    unresolved: list[Unresolved] = []
    rules_hit: set[int] = set()
    locked: dict[str, LockedFile] = {}
    previous = {} if lock is None else lock.files
    for source, path in sorted(moved.items(), key=lambda pair: pair[1]):
        file = contents.by_path[source]
        rewritten = rewrite_file(source, file.content, relocation, manifest.imports)
        rewrites += rewritten.rewrites
        unresolved += rewritten.unresolved
        rules_hit |= rewritten.rules_hit
        written = LockedFile(source=source, sha256=sha256(rewritten.content).hexdigest(), executable=file.executable)
        locked[path] = written
        changes.append(_decide(path, rewritten.content, written, destination.read(path), previous.get(path)))
    changes += [
        change
        for path in sorted(set(previous) - set(locked))
        if (change := _decide_gone(path, destination.read(path), previous[path])) is not None
    ]
    new_lock = MigrationLock(
        unit=manifest.unit,
        source_digest=contents.digest,
        manifest_digest=manifest_digest(manifest),
        files=locked,
    )
    changes.append(_lock_change(destination, manifest, new_lock))
    dead = dead_files + [
        f"imports[{index}]: no specifier matches" for index in range(len(manifest.imports)) if index not in rules_hit
    ]
    return Plan(
        unit_path=unit_path,
        target_root=target_root,
        manifest=manifest,
        source_digest=new_lock.source_digest,
        manifest_digest=new_lock.manifest_digest,
        changes=tuple(sorted(changes, key=lambda change: change.path)),
        rewrites=tuple(rewrites),
        unresolved=tuple(unresolved),
        left_out=contents.left_out,
        dead_rules=tuple(dead),
    )


def _previous_lock(destination: Destination, manifest: Manifest) -> MigrationLock | None:
    path = lock_path(manifest.destination)
    standing = destination.read(path)
    if standing.obstacle is not None:
        raise DestinationError(f"{path}: {standing.obstacle}; move it away")
    if standing.content is None:
        return None
    lock = read_lock(path, standing.content)
    if lock.unit != manifest.unit:
        raise DestinationError(
            f"{manifest.destination} belongs to unit {lock.unit!r} ({path}); choose another destination for "
            f"{manifest.unit!r}, or remove that unit first"
        )
    return lock


def _decide(path: str, new: bytes, written: LockedFile, standing: Standing, previous: LockedFile | None) -> Change:
    """Choose the action for a file that the unit brings: never overwrite what the last migration did not write."""

    def change(action: Action, reason: str | None = None) -> Change:
        return Change(path, action, standing.content, new, written.executable, standing.executable, reason)

    if standing.obstacle is not None:
        return change("conflict", standing.obstacle)
    if standing.content == new and standing.executable == written.executable:
        return change("unchanged")
    source_stood_still = previous is not None and _same(previous, written.sha256, written.executable)
    if standing.content is None:
        if previous is None:
            return change("create")
        if source_stood_still:
            return change("unchanged", "kept as it is: deleted here, and the unit did not change it")
        return change("conflict", "deleted here since the last migration, and changed in the unit")
    if previous is None:
        if standing.content == new:
            return change("update", "only the executable bit differs")
        return change("conflict", "exists already and was not written by a migration")
    if _same(previous, standing.sha256, standing.executable):
        return change("update")
    if source_stood_still:
        return change("unchanged", "kept as it is: edited here, and the unit did not change it")
    if standing.content == new:
        return change("update", "only the executable bit differs")
    return change("conflict", "edited here since the last migration, and changed in the unit")


def _same(locked: LockedFile, digest: str | None, executable: bool) -> bool:
    return locked.sha256 == digest and locked.executable == executable


def _decide_gone(path: str, standing: Standing, previous: LockedFile) -> Change | None:
    """Choose the action for a file that the unit no longer brings."""
    if standing.content is None and standing.obstacle is None:
        return None
    if standing.obstacle is None and standing.sha256 == previous.sha256:
        return Change(
            path, "delete", standing.content, None, False, standing.executable, f"{previous.source} left the unit"
        )
    reason = f"kept as it is: edited here, though {previous.source} left the unit"
    return Change(
        path, "unchanged", standing.content, standing.content, standing.executable, standing.executable, reason
    )


def _lock_change(destination: Destination, manifest: Manifest, lock: MigrationLock) -> Change:
    path, new = lock_path(manifest.destination), lock.to_bytes()
    standing = destination.read(path)
    action: Action = "create" if standing.content is None else "unchanged" if standing.content == new else "update"
    return Change(path, action, standing.content, new)


def moved_files(planned: Plan) -> Mapping[str, str]:
    """Return the new path of each file of the unit that migrates, as the plan's lock records it."""
    path = lock_path(planned.destination)
    content = next(change.new for change in planned.changes if change.path == path)
    return {file.source: path for path, file in read_lock(path, content or b"").files.items()}
