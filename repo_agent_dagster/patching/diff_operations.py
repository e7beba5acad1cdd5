"""apply-diff: the hunks of a unified diff as splices of the file that they are for."""

from repo_agent_dagster.contracts.patches import ApplyDiff
from repo_agent_dagster.patching.line_operations import Target
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.splices import Splice
from repo_agent_dagster.patching.unified import FilePatch


def locate_hunks(
    index: int, operation: ApplyDiff, patch: FilePatch, target: Target
) -> tuple[list[Splice], tuple[str, ...]]:
    """Return the splices of a file's hunks, and a note for each hunk that was found elsewhere than it said.

    Raises:
        PatchConflict: a hunk does not fit anywhere, or at two places equally well.
    """
    raise NotImplementedError


def check_contents(who: str, patch: FilePatch, content: bytes) -> None:
    """Refuse a diff that deletes a file, or changes a binary one, which is not what the diff says.

    Raises:
        InvalidPatch: the diff does not say what the file was.
        PatchConflict: the file has another content.
    """
    if patch.binary is not None:
        if patch.binary.before is None:
            raise InvalidPatch(f"{who}: the diff does not carry what {patch.path} was; write it with git diff --binary")
        expected = patch.binary.before
    elif patch.kind == "delete":
        expected = b"".join(line for hunk in patch.hunks for line in hunk.old)
    else:
        return
    if content != expected:
        raise PatchConflict(f"{who}: {patch.path} is not what the diff says it was; read it again")
