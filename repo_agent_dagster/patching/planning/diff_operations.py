"""apply-diff: the hunks of a unified diff as splices of the file that they are for."""

from collections.abc import Iterator, Sequence

from repo_agent_dagster.contracts.patches import ApplyDiff
from repo_agent_dagster.patching.diffs.placing import Change, PlacedHunk, place
from repo_agent_dagster.patching.diffs.unified import FilePatch
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.planning.line_operations import Target, check_digest
from repo_agent_dagster.patching.planning.splices import AFTER, REPLACED, Splice, describe


def locate_hunks(
    index: int, operation: ApplyDiff, patch: FilePatch, target: Target
) -> tuple[list[Splice], tuple[str, ...]]:
    """Return the splices of a file's hunks, and a note for each hunk that was found elsewhere than it said.

    Raises:
        PatchConflict: a hunk does not fit anywhere, or at two places equally well.
    """
    check_digest(index, operation, target.content)
    if any(not text.isascii() for hunk in patch.hunks for _, text in hunk.body) and not target.is_utf8:
        raise InvalidPatch(
            f"{describe(index, operation)} has characters beyond ASCII, but {target.path} is not UTF-8; "
            "convert the file first, or keep the diff to ASCII"
        )
    try:
        placed = place(target.lines, patch.hunks, operation.fuzz)
    except PatchConflict as error:
        raise PatchConflict(f"{describe(index, operation)}: {target.path}: {error}") from error
    splices = [splice for one in placed for splice in _splices(index, operation, one, target.lines)]
    return splices, tuple(note for number, one in enumerate(placed, start=1) for note in _notes(target, number, one))


def _splices(index: int, operation: ApplyDiff, hunk: PlacedHunk, lines: Sequence[bytes]) -> list[Splice]:
    changes = list(hunk.changes)
    if hunk.unterminated is not None and lines and not (changes and changes[-1].end == len(lines)):
        # Nothing but the newline at the end of the file changes: the last line stands for it.
        changes.append(Change(len(lines) - 1, len(lines), [lines[-1]]))
    return [
        Splice(
            index,
            operation,
            change.start,
            change.end,
            REPLACED if change.start < change.end else AFTER,
            ((change.start, 0), (change.end, 0)),
            change.lines,
            ends=hunk.unterminated if change.end == len(lines) else None,
        )
        for change in changes
    ]


def _notes(target: Target, number: int, hunk: PlacedHunk) -> Iterator[str]:
    if hunk.offset:
        moved = f"{abs(hunk.offset)} line{'s' if abs(hunk.offset) > 1 else ''} {'down' if hunk.offset > 0 else 'up'}"
        yield f"{target.path}: hunk {number} was found at line {hunk.start + 1}, {moved}"
    if hunk.by_whitespace:
        yield f"{target.path}: hunk {number} at line {hunk.start + 1} fits but for white space"


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
