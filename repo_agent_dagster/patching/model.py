"""The patching engine's own words: workspace, file change, applied patch, batch result, and what can go wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault

if TYPE_CHECKING:
    from repo_agent_dagster.patching.checks import Finding


class InvalidPatch(PermanentFault):
    """The request itself is wrong, whatever the workspace holds."""


class UnsafePath(InvalidPatch):
    """A path that leaves the workspace, or names what a patch must never touch."""


class OverlappingPatches(InvalidPatch):
    """Two operations of one batch claim the same lines."""


class UnknownPatch(InvalidPatch):
    """No patch or batch of that id is on record for this workspace."""


class PatchConflict(PermanentFault):
    """The workspace is not what the request supposes; nothing was written."""


class CheckFailed(PermanentFault):
    """The batch added findings, so it was reverted, byte for byte. `findings` are the added ones."""

    def __init__(self, message: str, findings: "Sequence[Finding]") -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class WorkspaceLocked(TransientFault):
    """Another batch holds the workspace and did not finish within the timeout."""


class WriteFailed(TransientFault):
    """The file system refused a write; everything was put back."""


class RollbackIncomplete(TransientFault):
    """Putting the files back failed half-way; the journal stays and the next use of the workspace goes on with it."""


class JournalUnreadable(PermanentFault):
    """The journal of an interrupted batch cannot be understood, so the workspace is left alone."""


@dataclass(frozen=True)
class Workspace:
    """A checkout on which patches may be applied. `name` is its identity on record; the default is the root's path."""

    root: Path
    name: str = ""

    def __post_init__(self) -> None:
        resolved = self.root.expanduser().resolve()
        object.__setattr__(self, "root", resolved)
        if not self.name:
            object.__setattr__(self, "name", str(resolved))


@dataclass(frozen=True)
class FileChange:
    """A whole file as it shall be: `content` None deletes it. `expect_sha256` is the present content's digest.

    An existing file keeps its permissions but for the executable bits, which follow `executable`.
    """

    path: str
    content: bytes | None
    executable: bool = False
    expect_sha256: str | None = None


@dataclass(frozen=True)
class AppliedPatch:
    """One patch as it was applied (or, in a dry run or a revert, as it would be or was undone).

    `diff_path` is relative to the workspace; `added` and `removed` count lines, and are 0 for binary files.
    """

    patch_id: str
    file: str
    op: str
    diff_path: str
    added: int
    removed: int
    task_id: str | None = None


@dataclass(frozen=True)
class BatchResult:
    """What a batch did. `diff` is the whole change for people: bytes that are not UTF-8 appear replaced in it."""

    batch_id: str
    patches: tuple[AppliedPatch, ...]
    diff: str
    dry_run: bool = False
