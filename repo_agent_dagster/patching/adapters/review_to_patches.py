"""A code review and somebody who plans its fixes, a model or a person, as one batch.

Who plans is given one file at a time and gives data; it is checked, and tried on the file, before it is in the batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from repo_agent_dagster.contracts.faults import RepoAgentError
from repo_agent_dagster.contracts.patches import (
    ApplyDiff,
    CreateFile,
    MoveFile,
    PatchBatch,
    PatchOperation,
    ReplaceText,
)
from repo_agent_dagster.contracts.reviews import CodeReviewOutput, FileToFix
from repo_agent_dagster.patching.adapters.elision import refuse_elisions
from repo_agent_dagster.patching.diffs.unified import parse as parse_diff
from repo_agent_dagster.patching.disk.paths import canonical
from repo_agent_dagster.patching.model import InvalidPatch
from repo_agent_dagster.patching.planning.batch_plan import plan_batch
from repo_agent_dagster.patching.planning.plan import ReadFile

_OPERATION: TypeAdapter[PatchOperation] = TypeAdapter(PatchOperation)


class FixPlanner(Protocol):
    """Plans how one file of a review is fixed."""

    def __call__(self, file: FileToFix, text: str | None) -> Sequence[PatchOperation | Mapping[str, Any]]:
        """Return operations on this file alone, for original coordinates; `text` is None if there is no such file.

        A `RepoAgentError` tells that it cannot be done.
        """


class ReviewNotPlanned(InvalidPatch):
    """Some files of a review have no valid plan. `errors` tells why, by file; `planned` is what the others have."""

    def __init__(self, errors: Mapping[str, str], planned: Sequence[PatchOperation]) -> None:
        told = "\n".join(f"- {path}: {error}" for path, error in errors.items())
        super().__init__(f"the review cannot be planned for {len(errors)} of its files:\n{told}")
        self.errors = dict(errors)
        self.planned = tuple(planned)


def review_to_patches(
    review: CodeReviewOutput,
    planner: FixPlanner,
    read: ReadFile,
    *,
    order_id: str | None = None,
    requester: str = "review",
    phase: str | None = None,
) -> PatchBatch:
    """Return the batch that fixes what a review found, restricted to the files that it wants changed.

    Raises:
        ReviewNotPlanned: files have no valid plan; all of them are told.
        InvalidPatch: the review wants no change.
    """
    wanted = _wanted(review)
    if not wanted:
        raise InvalidPatch("the review wants no file changed; there is nothing to plan")
    operations: list[PatchOperation] = []
    errors: dict[str, str] = {}
    for name, file in wanted.items():
        try:
            operations += _planned(file, planner, read)
        except ValidationError as error:
            errors[name] = "; ".join(_told(error))
        except RepoAgentError as error:
            errors[name] = str(error)
    if errors:
        raise ReviewNotPlanned(errors, operations)
    reason = "; ".join(issue for file in wanted.values() for issue in file.issues)
    return PatchBatch(
        order_id=order_id,
        requester=requester,
        reason=reason,
        phase=phase,
        allowed_paths=[canonical(name) for name in wanted],
        patches=operations,
    )


def _wanted(review: CodeReviewOutput) -> dict[str, FileToFix]:
    """Return the files that need changes, each once with all its issues, by the name that the review gives."""
    wanted: dict[str, FileToFix] = {}
    for file in review.files_to_fix:
        if not file.require_code_changes:
            continue
        before = wanted.get(file.file_path)
        issues = file.issues if before is None else [*before.issues, *file.issues]
        wanted[file.file_path] = file.model_copy(update={"issues": issues})
    return wanted


def _planned(file: FileToFix, planner: FixPlanner, read: ReadFile) -> list[PatchOperation]:
    path = canonical(file.file_path)
    if any(sign in path for sign in "*?"):
        raise InvalidPatch(f"{path} has a wildcard in its name, which allowedPaths would not take for a name")
    present = read(path)
    try:
        text = None if present is None else present.content.decode()
    except UnicodeDecodeError as error:
        raise InvalidPatch(f"{path} is not UTF-8 text; fix it by hand") from error
    operations = [_OPERATION.validate_python(one) for one in planner(file, text)]
    if not operations:
        raise InvalidPatch("no operation was planned for it")
    for number, operation in enumerate(operations, start=1):
        for other in _paths(operation):
            if canonical(other) != path:
                raise InvalidPatch(f"operation {number} ({operation.op}) is on {other}, not on the file to fix")
        for new in _new_texts(operation):
            refuse_elisions(path, new, None if present is None else present.content)
    plan_batch(PatchBatch(patches=operations), read)
    return operations


def _paths(operation: PatchOperation) -> Iterator[str]:
    if operation.file is not None:
        yield operation.file
    if isinstance(operation, MoveFile):
        yield operation.to
    if isinstance(operation, ApplyDiff) and operation.file is None:
        for patch in parse_diff(operation.diff.encode(errors="replace"), fuzz=operation.fuzz):
            yield from (path for path in (patch.old_path, patch.new_path) if path is not None)


def _new_texts(operation: PatchOperation) -> Iterator[str]:
    if isinstance(operation, ReplaceText):
        yield operation.new
    elif isinstance(operation, CreateFile):
        yield operation.content or ""
    elif isinstance(operation, ApplyDiff):
        added = [line[1:] for line in operation.diff.split("\n") if line.startswith("+")]
        yield "\n".join(added)
    else:
        yield getattr(operation, "block", None) or ""


def _told(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_context=False):
        where = ".".join(str(part) for part in one["loc"])
        yield f"{where}: {one['msg']}" if where else one["msg"]
