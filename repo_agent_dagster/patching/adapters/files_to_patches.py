"""Whole files as a model wrote them, as the smallest operations that make the present files so."""

from collections.abc import Sequence

from repo_agent_dagster.contracts.patches import ApplyDiff, CreateFile, PatchOperation
from repo_agent_dagster.contracts.phases import FileGenerationOutput, FileOutput, PhaseImplementation
from repo_agent_dagster.patching.adapters.edit_scripts import line_operations
from repo_agent_dagster.patching.adapters.elision import refuse_elisions
from repo_agent_dagster.patching.diffs.placing import Change
from repo_agent_dagster.patching.diffs.unified import ADDED
from repo_agent_dagster.patching.diffs.unified import parse as parse_diff
from repo_agent_dagster.patching.diffs.writing import FileState, is_binary
from repo_agent_dagster.patching.disk.paths import canonical
from repo_agent_dagster.patching.model import InvalidPatch
from repo_agent_dagster.patching.planning.plan import ReadFile
from repo_agent_dagster.patching.text.lines import block_lines, content_of, parse
from repo_agent_dagster.patching.text.matching import changed_regions

_MARK = "\ufeff"


def files_to_patches(phase: PhaseImplementation, read: ReadFile) -> list[PatchOperation]:
    """Return the operations, for original coordinates, that bring a phase's files into being; none if all are so.

    A new file is made to the byte. A present one keeps its line endings, its byte-order mark and its missing last
    newline, and only the lines that differ change. A file given as a diff is applied as one.

    Raises:
        InvalidPatch: a path is unsafe or named twice, a text has lines that stand for what was left out, or the
            present file is not UTF-8 text.
    """
    operations: list[PatchOperation] = []
    seen: set[str] = set()
    for file in phase.files:
        path = canonical(file.file_path)
        if path in seen:
            raise InvalidPatch(f"{path} is in the phase twice; give each file once, as it shall be in the end")
        seen.add(path)
        operations += _of_file(path, file, read(path))
    return operations


def _of_file(path: str, file: FileOutput, present: FileState | None) -> Sequence[PatchOperation]:
    if "\0" in file.file_contents:
        raise InvalidPatch(f"{path}: the contents have a NUL character: they are not text")
    encoded = _encoded(path, file.file_contents)
    before = None if present is None else present.content
    if isinstance(file, FileGenerationOutput) and file.format == "unified_diff":
        _refuse_elisions_added(path, encoded, before)
        return [ApplyDiff(file=path, diff=file.file_contents)]
    refuse_elisions(path, file.file_contents, before)
    if present is None:
        return [CreateFile(file=path, content=file.file_contents)]
    return _edits(path, present, file.file_contents)


def _edits(path: str, present: FileState, wanted: str) -> Sequence[PatchOperation]:
    if is_binary(present.content) or not _is_utf8(present.content):
        raise InvalidPatch(f"{path} is binary, or not UTF-8: it cannot be compared with a text; send line operations")
    text = parse(present.content)
    old = [content_of(line).rstrip(b"\r") for line in text.lines]
    new = block_lines(wanted.removeprefix(_MARK))
    changes = [
        Change(region.old_start, region.old_end, [line + b"\n" for line in new[region.new_start : region.new_end]])
        for region in changed_regions(old, new)
    ]
    return line_operations(path, text.lines, changes, sha256=present.sha256, expect_text=False)


def _refuse_elisions_added(path: str, diff: bytes, before: bytes | None) -> None:
    for patch in parse_diff(diff, file=path):
        for hunk in patch.hunks:
            added = b"".join(text for mark, text in hunk.body if mark == ADDED)
            refuse_elisions(path, added.decode(), before)


def _encoded(path: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidPatch(f"{path}: the contents are not valid Unicode: {error}") from error


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
