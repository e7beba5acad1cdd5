"""The patch of a task, whatever it was given as: a diff, a batch of operations, or the changes of a pull request."""

from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patches import PatchBatch, text_file
from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.patching.diffs.writing import FileState
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.planning.batch_plan import plan_batch
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.opening import Checkout
from repo_agent_dagster.pathways.validation.patch_text import Patch, PatchUnusable, read_patch
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

LISTING_SECONDS = 120
_MODES = {"100644": 0o644, "100755": 0o755}


def propose(context: TaskContext, box: "Sandbox", checkout: Checkout, payload: SolutionValidationPayload) -> Patch:
    """Return the payload's patch as a diff; `box` holds the clone as its commit has it.

    A batch is worked out on the host from the bytes of the files that it names, so that nothing of the repository runs
    or is written there.

    Raises:
        PatchUnusable: it can be applied nowhere; the message says why.
        PermanentFault: there is no such pull request or base.
    """
    if payload.batch is not None:
        return read_patch(_of_batch(box, checkout.path, payload.batch), "batch")
    if payload.pull_request is not None:
        mirror = checkout.mirror or context.repositories.mirror(payload.repo_url)
        base = payload.base_ref or mirror.default_branch()
        if base is None:
            raise PermanentFault(
                f"{mirror.url} has no default branch to measure the pull request against; set base_ref"
            )
        changes = mirror.changes(mirror.resolve(base), mirror.pull_request(payload.pull_request))
        return read_patch(changes, "pull_request")
    return read_patch((payload.diff or "").encode(), "diff")


def _of_batch(box: "Sandbox", path: str, batch: PatchBatch) -> bytes:
    named = sorted({source for operation in batch.patches if (source := text_file(operation)) is not None})
    if named:
        files = ", ".join(named)
        raise PatchUnusable("unreadable", f"file {files} cannot be read from a task; send its text in the batch")
    try:
        plan = plan_batch(batch, lambda name: _tracked_file(box, path, name))
    except InvalidPatch as error:
        raise PatchUnusable("unreadable", str(error)) from error
    except (PatchConflict, SandboxFileError) as error:
        raise PatchUnusable("conflict", str(error)) from error
    diff = b"".join(file.diff.text for file in plan.files)
    if not diff:
        raise PatchUnusable("changes_nothing", "the batch changes nothing: it leads to what the commit already has")
    return diff


def _tracked_file(box: "Sandbox", path: str, name: str) -> FileState | None:
    command = ["git", "ls-files", "--stage", "--", f":(literal){name}"]
    listing = box.exec(command, cwd=path, timeout_seconds=LISTING_SECONDS)
    if not listing.stdout.strip():
        return None
    mode = listing.stdout.split(maxsplit=1)[0]
    if mode not in _MODES:
        raise InvalidPatch(f"{name} is a symlink or a submodule in the repository; a patch changes regular files")
    return FileState(box.get(f"{path}/{name}"), _MODES[mode])
