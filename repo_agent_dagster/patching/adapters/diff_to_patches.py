"""A unified diff as operations on the files as they are now, with what each of them expects to find.

What line operations cannot say stays a diff: binary files, modes, a newline at the end of a file that comes or goes,
changed line endings.
"""

from collections.abc import Sequence

from repo_agent_dagster.contracts.patches import (
    ApplyDiff,
    CreateFile,
    DeleteFile,
    Expectation,
    Fuzz,
    MoveFile,
    PatchOperation,
)
from repo_agent_dagster.patching.adapters.edit_scripts import line_operations
from repo_agent_dagster.patching.diffs.placing import PlacedHunk, apply_forward, place, usual_endings
from repo_agent_dagster.patching.diffs.unified import FilePatch
from repo_agent_dagster.patching.diffs.unified import parse as parse_diff
from repo_agent_dagster.patching.diffs.writing import FileState, is_binary
from repo_agent_dagster.patching.disk.paths import canonical
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.planning.plan import ReadFile
from repo_agent_dagster.patching.text.lines import content_of, parse, split_lines, terminator


def diff_to_patches(
    diff: bytes, read: ReadFile, *, file: str | None = None, fuzz: Fuzz = "none"
) -> list[PatchOperation]:
    """Return the operations, for original coordinates, that a diff means for the files as they are now.

    `file` is the one file that the diff is for, whatever names it gives; hunks are located as apply-diff does.

    Raises:
        InvalidPatch: it is no diff, a path is unsafe, or one file has two parts in it.
        PatchConflict: the files are not what the diff supposes.
    """
    lines = split_lines(diff)
    operations: list[PatchOperation] = []
    seen: set[str] = set()
    for patch in parse_diff(diff, file=file, fuzz=fuzz):
        paths = {canonical(path) for path in (patch.old_path, patch.new_path) if path is not None}
        if paths & seen:
            raise InvalidPatch(
                f"line {patch.line} of the diff: {min(paths & seen)} is changed twice; send its parts as two batches"
            )
        seen |= paths if patch.kind != "copy" else {canonical(patch.path)}
        try:
            operations += _of_file(patch, b"".join(lines[patch.line - 1 : patch.last_line]), read, file, fuzz)
        except PatchConflict as error:
            raise PatchConflict(f"{patch.old_path or patch.path}: {error}") from error
    return operations


def _of_file(
    patch: FilePatch, section: bytes, read: ReadFile, file: str | None, fuzz: Fuzz
) -> Sequence[PatchOperation]:
    if patch.old_path is None or patch.kind == "copy":
        return [_created(patch, read, section, file, fuzz)]
    path = canonical(patch.old_path)
    present = read(path)
    if present is None:
        raise PatchConflict("it does not exist in the workspace")
    expect = Expectation(sha256=present.sha256)
    if patch.kind == "delete":
        if patch.binary is None and apply_forward(split_lines(present.content), patch.hunks):
            raise PatchConflict("it has lines that the diff does not delete; read it again")
        return [_as_diff(section, file, fuzz)] if patch.binary is not None else [DeleteFile(file=path, expect=expect)]
    if patch.binary is not None or _changes_mode(patch, present):
        return [_as_diff(section, file, fuzz)]
    edits = _edits(path, present, patch, fuzz) if patch.hunks else []
    if edits is None:
        return [_as_diff(section, file, fuzz)]
    if patch.kind == "rename":
        if read(canonical(patch.path)) is not None:
            raise PatchConflict(f"{patch.path} exists already and is not overwritten")
        return [*edits, MoveFile(file=path, to=canonical(patch.path), expect=None if edits else expect)]
    return edits


def _edits(path: str, present: FileState, patch: FilePatch, fuzz: Fuzz) -> list[PatchOperation] | None:
    """Return the hunks as line operations; None if these cannot say it."""
    if is_binary(present.content):
        raise InvalidPatch(f"{path} is binary or UTF-16; hunks need text in an ASCII-based encoding")
    text = parse(present.content)
    placed = place(text.lines, patch.hunks, fuzz)
    if any(one.unterminated is not None for one in placed) or not _are_usual_lines(text.lines, placed):
        return None
    changes = [change for one in placed for change in one.changes]
    return [*line_operations(path, text.lines, changes, sha256=present.sha256, expect_text=True)]


def _are_usual_lines(lines: Sequence[bytes], placed: Sequence[PlacedHunk]) -> bool:
    """Whether all new lines end as the engine would end them, which takes a CR before the end for a part of it."""
    return all(
        [terminator(line) for line in change.lines] == usual_endings(lines, change.start, change.end, len(change.lines))
        and not any(content_of(line).endswith(b"\r") for line in change.lines)
        for one in placed
        for change in one.changes
    )


def _changes_mode(patch: FilePatch, present: FileState) -> bool:
    return patch.new_mode is not None and bool(patch.new_mode & 0o100) != present.is_executable


def _created(patch: FilePatch, read: ReadFile, section: bytes, file: str | None, fuzz: Fuzz) -> PatchOperation:
    path = canonical(patch.path)
    if read(path) is not None:
        raise PatchConflict(f"{path} exists already and is not overwritten")
    source = None if patch.old_path is None else read(canonical(patch.old_path))
    if patch.old_path is not None and source is None:
        raise PatchConflict("it does not exist in the workspace")
    if patch.binary is not None:
        return _as_diff(section, file, fuzz)
    content = b"".join(apply_forward(split_lines(b"" if source is None else source.content), patch.hunks))
    executable = bool(patch.new_mode & 0o100) if patch.new_mode else source is not None and source.is_executable
    try:
        return CreateFile(file=path, content=content.decode(), executable=executable)
    except UnicodeDecodeError as error:
        raise InvalidPatch(f"{path} would not be UTF-8; operations carry text only") from error


def _as_diff(section: bytes, file: str | None, fuzz: Fuzz) -> ApplyDiff:
    try:
        return ApplyDiff(file=file, diff=section.decode(), fuzz=fuzz)
    except UnicodeDecodeError as error:
        raise InvalidPatch("the diff is not UTF-8; operations carry text only") from error
