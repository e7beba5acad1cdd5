"""Apply the patch to the clone in the sandbox: a unified diff as it is, a batch of operations as the diff it makes.

Both go through `git apply` in the sandbox; a batch is worked out on the host from the bytes of the files it touches,
so that nothing of the repository runs or is written there.
"""

import itertools
import re
from typing import TYPE_CHECKING, Literal

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patches import PatchBatch, text_file
from repo_agent_dagster.contracts.validation import PatchSummary
from repo_agent_dagster.patching.diffs.writing import FileState
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.planning.batch_plan import plan_batch
from repo_agent_dagster.pathways.suites.detection import SCRATCH
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

Kind = Literal["diff", "batch"]

GIT_SECONDS = 120
EXCERPT_LINES = 20
_DIFF_NAME = "solution.diff"
_MODES = {"100644": 0o644, "100755": 0o755}


class CloneDamaged(PermanentFault):
    """The clone can no longer be reset to its commit: the repository's own tests or set-up broke it."""


def reset(box: "Sandbox", path: str, commit: str) -> None:
    """Bring the clone back to the commit; what was installed into it stays.

    Tests write files; the second run has to find what the first one found.

    Raises:
        CloneDamaged: git cannot do it any more.
    """
    script = (
        'git reset --quiet --hard "$1" && '
        "git clean --quiet --force -d --exclude=node_modules --exclude='*.egg-info' --exclude='*.so'"
    )
    result = box.exec(["bash", "-c", script, "reset", commit], cwd=path, timeout_seconds=GIT_SECONDS)
    if not result.ok:
        raise CloneDamaged(f"the tests left {path} so that git cannot reset it to {commit}: {result.output.strip()}")


def apply_diff(box: "Sandbox", path: str, diff: str) -> PatchSummary:
    """Apply a unified diff to the clone, wholly or not at all; a rejection is told in the summary, not raised."""
    # JSON often loses the last newline, which git calls a corrupt patch.
    return _git_apply(box, path, diff.encode() if diff.endswith("\n") else f"{diff}\n".encode(), "diff")


def apply_batch(box: "Sandbox", path: str, batch: PatchBatch) -> PatchSummary:
    """Apply a batch of patch operations to the clone; a rejection is told in the summary, not raised."""
    named = sorted({source for operation in batch.patches if (source := text_file(operation)) is not None})
    if named:
        return _rejected("batch", f"file {', '.join(named)} cannot be read from a task; send its text in the batch")
    try:
        plan = plan_batch(batch, lambda name: _tracked_file(box, path, name))
    except (InvalidPatch, PatchConflict, SandboxFileError) as error:
        return _rejected("batch", str(error))
    return _git_apply(box, path, b"".join(file.diff.text for file in plan.files), "batch")


def _tracked_file(box: "Sandbox", path: str, name: str) -> FileState | None:
    listing = box.exec(["git", "ls-files", "--stage", "--", f":(literal){name}"], cwd=path, timeout_seconds=GIT_SECONDS)
    if not listing.stdout.strip():
        return None
    mode = listing.stdout.split(maxsplit=1)[0]
    if mode not in _MODES:
        raise InvalidPatch(f"{name} is a symlink or a submodule in the repository; a patch changes regular files")
    return FileState(box.get(f"{path}/{name}"), _MODES[mode])


def _git_apply(box: "Sandbox", path: str, diff: bytes, kind: Kind) -> PatchSummary:
    if not diff.strip():
        return _rejected(kind, "the patch is empty: it changes nothing")
    box.put({_DIFF_NAME: diff}, SCRATCH)
    # --index: nothing is written unless every file fits, and files that the patch creates are known to git.
    command = ["git", "apply", "--index", "--whitespace=nowarn", f"{SCRATCH}/{_DIFF_NAME}"]
    applied = box.exec(command, cwd=path, timeout_seconds=GIT_SECONDS)
    if not applied.ok:
        return _rejected(kind, explain_rejection(applied.output, diff.decode(errors="replace")))
    listing = box.exec(
        ["git", "-c", "core.quotePath=false", "diff", "--cached", "--name-only", "--no-renames"],
        cwd=path,
        timeout_seconds=GIT_SECONDS,
    )
    files = listing.stdout.splitlines()
    if not files:
        return _rejected(kind, "the patch changes nothing: it leads to what the commit already has")
    return PatchSummary(kind=kind, applied=True, files=files)


def _rejected(kind: Kind, message: str) -> PatchSummary:
    return PatchSummary(kind=kind, applied=False, files=[], message=message)


def explain_rejection(git_output: str, diff: str) -> str:
    """Return git's message with the hunk that did not fit, where git names one."""
    message = git_output.strip() or "git apply rejected the patch without saying why"
    found = re.search(r"^error: patch failed: (.+):(\d+)$", git_output, re.MULTILINE)
    hunk = _hunk(diff, found[1], found[2]) if found else ""
    return f"{message}\nThe hunk that does not fit:\n{hunk}" if hunk else message


def _hunk(diff: str, file: str, line: str) -> str:
    """Return the hunk of a file that begins at that line of its old text; empty where the diff has none such."""
    lines = diff.splitlines()
    current = ""
    for index, text in enumerate(lines):
        if text.startswith("--- ") and lines[index + 1 : index + 2] and lines[index + 1].startswith("+++ "):
            current = text[4:].split("\t")[0].removeprefix("a/")
        elif current == file and text.startswith((f"@@ -{line},", f"@@ -{line} ")):
            return "\n".join([text, *_body(lines[index + 1 :])])
    return ""


def _body(lines: list[str]) -> list[str]:
    taken = list(itertools.takewhile(lambda text: text[:1] in (" ", "+", "-", "\\") and text[:4] != "--- ", lines))
    cut = [f"… {len(taken) - EXCERPT_LINES} more lines"] if len(taken) > EXCERPT_LINES else []
    return [*taken[:EXCERPT_LINES], *cut]
