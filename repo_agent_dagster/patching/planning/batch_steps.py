"""The steps of a batch: each operation on one file is one, and an apply-diff is one for each file that it changes."""

from dataclasses import dataclass

from repo_agent_dagster.contracts.patches import (
    ApplyDiff,
    CreateFile,
    DeleteFile,
    MoveFile,
    PatchBatch,
    PatchOperation,
)
from repo_agent_dagster.patching.diffs.unified import FilePatch, parse
from repo_agent_dagster.patching.diffs.writing import FileState
from repo_agent_dagster.patching.disk.paths import Allowed, canonical, refuse_unportable
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.planning.line_operations import text_bytes
from repo_agent_dagster.patching.planning.plan import new_file
from repo_agent_dagster.patching.planning.splices import describe

_EXECUTABLE = 0o100


@dataclass(frozen=True, slots=True)
class Step:
    """What an operation does to one file. `path` names the file before the step, or the one that it makes.

    It `creates` the file with this state, or `deletes` it, or edits it by its operation or `file_patch`, moves it
    `to` another path, and makes it `executable` or not (None: as it is).
    """

    index: int
    operation: PatchOperation
    path: str
    creates: FileState | None = None
    deletes: bool = False
    to: str | None = None
    executable: bool | None = None
    file_patch: FilePatch | None = None

    @property
    def who(self) -> str:
        """The step's operation, told to people."""
        return describe(self.index, self.operation)

    @property
    def edits(self) -> bool:
        """Whether it changes text of a file that is there."""
        if self.file_patch is not None:
            return not self.deletes and bool(self.file_patch.hunks)
        return self.creates is None and not self.deletes and self.to is None

    @property
    def arrives_at(self) -> str | None:
        """The path at which there is a file after the step and must be none before it."""
        return self.path if self.creates is not None else self.to


def steps_of(batch: PatchBatch) -> list[Step]:
    """Return the steps of a batch, in its order.

    Raises:
        InvalidPatch: a path is unsafe or not allowed, or a diff or a text cannot be read.
    """
    allowed = Allowed(batch.allowed_paths)
    steps: list[Step] = []
    for index, operation in enumerate(batch.patches):
        steps += _steps(index, operation)
    for step in steps:
        if step.arrives_at is not None:
            refuse_unportable(step.arrives_at)
        for path in (step.path, step.to):
            if path is not None and not allowed.permits(path):
                who = describe(step.index, step.operation)
                named = f" ({path})" if path != getattr(step.operation, "file", path) else ""
                raise InvalidPatch(f"{who} is outside allowedPaths {batch.allowed_paths}{named}")
    return steps


def _steps(index: int, operation: PatchOperation) -> list[Step]:
    if isinstance(operation, ApplyDiff):
        return _diff_steps(index, operation)
    path = canonical(operation.file)
    if isinstance(operation, CreateFile):
        return [Step(index, operation, path, creates=_new_file(index, operation))]
    if isinstance(operation, DeleteFile):
        return [Step(index, operation, path, deletes=True)]
    if isinstance(operation, MoveFile):
        to = canonical(operation.to)
        if to == path:
            raise InvalidPatch(f"{describe(index, operation)} moves the file onto itself; name another path")
        return [Step(index, operation, path, to=to)]
    return [Step(index, operation, path)]


def _new_file(index: int, operation: CreateFile) -> FileState:
    if operation.content is None:
        raise InvalidPatch(
            f"{describe(index, operation)} names contentFile {operation.content_file!r}, which only the caller can "
            "read; send its text as content"
        )
    content = text_bytes(index, operation, operation.content, "a content", lambda: True)
    return new_file(content, executable=operation.executable)


def _diff_steps(index: int, operation: ApplyDiff) -> list[Step]:
    who = describe(index, operation)
    try:
        diff = operation.diff.encode()
    except UnicodeEncodeError as error:
        raise InvalidPatch(f"{who} has a diff that is not valid Unicode: {error}") from error
    try:
        patches = parse(diff, file=operation.file, fuzz=operation.fuzz)
    except InvalidPatch as error:
        raise InvalidPatch(f"{who}: {error}") from error
    return [_diff_step(index, operation, one, who) for one in patches]


def _diff_step(index: int, operation: ApplyDiff, patch: FilePatch, who: str) -> Step:
    named = None if operation.file is None else canonical(operation.file)
    old = named or (None if patch.old_path is None else canonical(patch.old_path))
    new = named or (None if patch.new_path is None else canonical(patch.new_path))
    executable = None if patch.new_mode is None else bool(patch.new_mode & _EXECUTABLE)
    match patch.kind:
        case "create" if new is not None:
            content = _created_content(patch)
            return Step(index, operation, new, creates=new_file(content, executable=bool(executable)))
        case "delete" if old is not None:
            return Step(index, operation, old, deletes=True, file_patch=patch)
        case "copy":
            raise InvalidPatch(f"{who} copies {patch.old_path} to {patch.new_path}; send the copy as create-file")
    if old is None or new is None:
        raise InvalidPatch(f"{who} has a diff of a file without a name; give `file`")
    return Step(
        index,
        operation,
        old,
        to=None if new == old else new,
        executable=None if executable is None or patch.old_mode == patch.new_mode else executable,
        file_patch=patch,
    )


def _created_content(patch: FilePatch) -> bytes:
    if patch.binary is not None:
        return patch.binary.after
    if any(hunk.old for hunk in patch.hunks):
        raise PatchConflict(f"the diff makes {patch.new_path} anew, but its hunks remove or keep lines of it")
    return b"".join(line for hunk in patch.hunks for line in hunk.new)
