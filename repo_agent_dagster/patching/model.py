"""The patching engine's own words: workspace, file change, applied patch, batch result, and what can go wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault


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


class WorkspaceLocked(TransientFault):
    """Another batch holds the workspace and did not finish within the timeout."""


class WriteFailed(TransientFault):
    """The file system refused a write; everything was put back."""


class RollbackIncomplete(TransientFault):
    """Putting the files back failed half-way; the journal stays and the next use of the workspace goes on with it."""


class SpoolUnreadable(PermanentFault):
    """The workspace's offline spool is damaged, or is not this workspace's, so it is not shipped."""


class JournalUnreadable(PermanentFault):
    """The journal of an interrupted batch cannot be understood, so the workspace is left alone."""


@dataclass(frozen=True)
class MarkerPattern:
    """How marker lines are written: what opens and what closes a region, with ``{name}`` for its name."""

    opening: str = "###FINAL_MILE_PROMPT__{name}###"
    closing: str = "###END_{name}###"

    def __post_init__(self) -> None:
        for form in (self.opening, self.closing):
            if form.count("{name}") != 1 or not form.replace("{name}", "").strip():
                raise InvalidPatch(f"marker pattern {form!r} must hold {{name}} once, and some text beside it")
        if self.opening == self.closing:
            raise InvalidPatch(f"a marker's opening and closing must differ; both are {self.opening!r}")


@dataclass(frozen=True)
class Workspace:
    """A checkout on which patches may be applied. `name` is its identity on record; the default is the root's path."""

    root: Path
    name: str = ""
    markers: MarkerPattern = field(default_factory=MarkerPattern)

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
    """One patch as it was applied (or, in a dry run, as it would be).

    `diff_path` is relative to the workspace; `added` and `removed` count lines, and are 0 for binary files. `moved_to`
    is the file's new path if the patch moved it; `notes` tell what people should know, as a hunk's offset.
    """

    patch_id: str
    file: str
    op: str
    diff_path: str
    added: int
    removed: int
    task_id: str | None = None
    moved_to: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BatchResult:
    """What a batch did, or would do. `whole_diff` is its diff, or makes it; `check` is what found nothing new in it."""

    batch_id: str
    patches: tuple[AppliedPatch, ...]
    whole_diff: str | Callable[[], str] = field(repr=False, compare=False)
    dry_run: bool = False
    check: str | None = None

    @cached_property
    def diff(self) -> str:
        """The whole change for people, made when it is asked for: bytes that are not UTF-8 appear replaced in it."""
        return self.whole_diff if isinstance(self.whole_diff, str) else self.whole_diff()
