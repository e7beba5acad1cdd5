"""What a batch will do to the files: worked out in memory, before anything is written.

Every patch gets the diff of its own step: patch k leads from the state after patch k-1 to the state after patch k, in
the order of the batch, so that undoing them from the last to the first always fits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from repo_agent_dagster.patching.diffs.writing import BY_UMASK, Diff, FileState, file_diff
from repo_agent_dagster.patching.disk.paths import canonical
from repo_agent_dagster.patching.model import FileChange, InvalidPatch, PatchConflict

ReadFile = Callable[[str], FileState | None]

NEW_FILE, NEW_EXECUTABLE = BY_UMASK | 0o666, BY_UMASK | 0o777
"""The permissions of new files, less what the umask takes."""


@dataclass(frozen=True, slots=True)
class PlannedPatch:
    """One patch: what it is called on record, and the diff of its step.

    `file` is the file's path before the step, `moved_to` its path after it if it was moved; `origin` and `result` are
    its paths before and after the whole batch, None where there is no file. `notes` are for people.
    """

    file: str
    op: str
    task_id: str | None
    diff: Diff
    origin: str | None
    result: str | None
    moved_to: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedFile:
    """One path before and after the whole batch; None is the absence of a file.

    `moved_from` is where the file that is there afterwards was before, if that was another path.
    """

    path: str
    before: FileState | None
    after: FileState | None
    make_diff: Callable[[], Diff]
    moved_from: str | None = None

    @cached_property
    def diff(self) -> Diff:
        """The diff of the whole batch at the path; made when it is asked for: applying needs those of the steps."""
        return self.make_diff()

    @property
    def kind(self) -> Literal["create", "replace", "delete"]:
        """What happens at the path."""
        return "create" if self.before is None else "delete" if self.after is None else "replace"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch will do: its patches in their order, and the paths that it changes in the order of their patches."""

    patches: tuple[PlannedPatch, ...]
    files: tuple[PlannedFile, ...]

    def diff(self) -> str:
        """Return the diff of the whole batch for people: bytes that are not UTF-8 appear replaced in it."""
        return b"".join(file.diff.text for file in self.files).decode("utf-8", "replace")


def plan_changes(changes: Sequence[FileChange], read: ReadFile, task_id: str | None) -> Plan:
    """Work out whole-file changes; what is already as it shall be is left out.

    Raises:
        InvalidPatch: a path is unsafe or named twice.
        PatchConflict: a file is not what the change expects.
    """
    patches, files = [], []
    seen: set[str] = set()
    for change in changes:
        path = canonical(change.path)
        if path in seen:
            raise InvalidPatch(f"{path} is changed twice in one call; give each file once, as it shall be in the end")
        seen.add(path)
        before = read(path)
        if change.expect_sha256 is not None and (before is None or before.sha256 != change.expect_sha256):
            found = "is absent" if before is None else f"has SHA-256 {before.sha256}"
            raise PatchConflict(f"{path} {found}, but {change.expect_sha256} is expected; read it again")
        after = _changed(before, change)
        if before == after:
            continue
        diff = file_diff(path, before, after)
        files.append(PlannedFile(path, before, after, _given(diff)))
        origin, result = (None if state is None else path for state in (before, after))
        patches.append(PlannedPatch(path, f"{files[-1].kind}-file", task_id, diff, origin, result))
    return Plan(tuple(patches), tuple(files))


def new_file(content: bytes, *, executable: bool) -> FileState:
    """Return the state of a file that is made."""
    return FileState(content, NEW_EXECUTABLE if executable else NEW_FILE)


def with_executable(state: FileState, executable: bool) -> FileState:
    """Return the file with its executable bits as asked for, and its other permissions as they are."""
    if state.is_executable == executable:
        return state
    # Whoever may read it may run it, as git and `chmod +x` do under the usual umask.
    mode = state.mode | (state.mode & 0o444) >> 2 | 0o100 if executable else state.mode & ~0o111
    return FileState(state.content, mode)


def _given(diff: Diff) -> Callable[[], Diff]:
    return lambda: diff


def _changed(before: FileState | None, change: FileChange) -> FileState | None:
    if change.content is None:
        return None
    if before is None:
        return new_file(change.content, executable=change.executable)
    return with_executable(FileState(change.content, before.mode), change.executable)
