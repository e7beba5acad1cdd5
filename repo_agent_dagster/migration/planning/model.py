"""A plan as data: what becomes of each file, stage by stage, and what people should know before it happens."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.merging.conflicts import FileConflict
from repo_agent_dagster.migration.planning.diff import file_diff
from repo_agent_dagster.migration.planning.lock import LockedFile
from repo_agent_dagster.migration.rewriting.file import Rewrite, Unresolved
from repo_agent_dagster.migration.rewriting.replacements import Replacement
from repo_agent_dagster.migration.rewriting.residual import Residual
from repo_agent_dagster.migration.units.contents import Left

if TYPE_CHECKING:
    from repo_agent_dagster.migration.refactor import Refactoring

Action = Literal["create", "update", "unchanged", "delete", "conflict"]
ACTIONS: tuple[Action, ...] = ("create", "update", "delete", "conflict", "unchanged")
StageName = Literal["copy", "standards", "refactor"]
STAGES: tuple[StageName, ...] = ("copy", "standards", "refactor")
_TOUCHING: tuple[Action, ...] = ("create", "update", "delete")


@dataclass(frozen=True)
class Change:
    """What becomes of one file under the target root; `old` and `new` are its whole bytes, None where there is none.

    `reason` is given where the action is not what the source alone asks for: a conflict, a merge, a deletion, a file
    kept. Of a conflict between people's edits and the unit's, `conflict` has the three sides, also when people have
    resolved it; while they have not, the action is conflict and `new` is what the unit brings.
    """

    path: str
    action: Action
    old: bytes | None
    new: bytes | None
    executable: bool = False
    was_executable: bool = False
    reason: str | None = None
    merged: bool = False
    conflict: FileConflict | None = None

    @property
    def old_sha256(self) -> str | None:
        """SHA-256 of the file as it stands, in hex."""
        return None if self.old is None else sha256(self.old).hexdigest()

    @property
    def new_sha256(self) -> str | None:
        """SHA-256 of the file as it shall be, in hex."""
        return None if self.new is None else sha256(self.new).hexdigest()


@dataclass(frozen=True)
class Stage:
    """The changes that are written as one patch batch; each begins where the stage before it ended."""

    name: StageName
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Plan:
    """A migration that has not happened: pure data, the same for the same unit, manifest and target tree.

    `changes` has one entry for each file, from what stands now to what shall stand at the end; `stages` are the same
    in the steps in which they are written. `moved` maps the unit's files to their new paths, `locked` is what the lock
    will say of each, `bases` are the contents that a later three-way merge begins from.
    """

    unit_path: Path
    target_root: Path
    manifest: Manifest
    source_digest: str
    manifest_digest: str
    changes: tuple[Change, ...]
    stages: tuple[Stage, ...]
    moved: Mapping[str, str]
    locked: Mapping[str, LockedFile]
    bases: tuple[bytes, ...] = field(repr=False)
    rewrites: tuple[Rewrite, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    residual: tuple[Residual, ...] = ()
    left_out: tuple[Left, ...] = ()
    dead_rules: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refactoring: "Refactoring | None" = None

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

    @property
    def merge_conflicts(self) -> tuple[FileConflict, ...]:
        """The three sides of every file whose merge needs people, those that they have resolved too."""
        return tuple(change.conflict for change in self.changes if change.conflict is not None)

    @cached_property
    def touching(self) -> tuple[Change, ...]:
        """The changes that write or delete, in the order of their paths."""
        return tuple(change for change in self.changes if change.action in _TOUCHING)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do: no change and no conflict."""
        return not self.stages and not self.conflicts

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything that the plan would do: what is approved by it is exactly what is written."""
        lines = [self.source_digest, self.manifest_digest]
        lines += [
            f"{change.action} {change.old_sha256} {change.new_sha256} {change.executable} {change.path}"
            for change in self.changes
            if change.action != "unchanged"
        ]
        return sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

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
        return {action: sum(change.action == action for change in self.changes) for action in ACTIONS}

    def summary(self) -> dict[str, Any]:
        """Return what lists show of the plan, as JSON values."""
        return {
            "destination": self.destination,
            "counts": self.counts(),
            "rewrites": len(self.rewrites),
            "unresolved": len(self.unresolved),
            "residual": len(self.residual),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values, contents by their SHA-256."""
        return {
            "unit": self.unit,
            "destination": self.destination,
            "order_id": self.manifest.order_id,
            "source_digest": self.source_digest,
            "manifest_digest": self.manifest_digest,
            "plan_digest": self.digest,
            "is_empty": self.is_empty,
            "counts": self.counts(),
            "stages": {stage.name: [change.path for change in stage.changes] for stage in self.stages},
            "changes": [_change_json(change) for change in self.changes],
            "rewrites": _all_as_json(self.rewrites),
            "replacements": _all_as_json(self.replacements),
            "unresolved": _all_as_json(self.unresolved),
            "residual": _all_as_json(self.residual),
            "left_out": _all_as_json(self.left_out),
            "dead_rules": list(self.dead_rules),
            "notes": list(self.notes),
            "refactoring": None if self.refactoring is None else self.refactoring.to_json(),
        }


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "path": change.path,
        "action": change.action,
        "old_sha256": change.old_sha256,
        "new_sha256": change.new_sha256,
        "executable": change.executable,
        "merged": change.merged,
        "reason": change.reason,
    }


def _all_as_json(items: Iterable[Any]) -> list[dict[str, Any]]:
    return [asdict(item) for item in items]
