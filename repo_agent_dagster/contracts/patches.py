"""Patch operations, batches and events: what agents and people may ask of the patching engine."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, model_validator

from repo_agent_dagster.contracts.base import Contract, SnakeContract

Coordinates = Literal["original", "sequential"]


class PatchEventName(StrEnum):
    """The steps of a patch's custody, in the names that go over the wire."""

    PATCH_REQUESTED = "patch_requested"
    PATCH_APPLIED = "patch_applied"
    PATCH_VALIDATED = "patch_validated"
    PATCH_FAILED = "patch_failed"
    PATCH_REVERTED = "patch_reverted"
    PATCH_EXPORTED = "patch_exported"


class Expectation(Contract):
    """A precondition: the file's SHA-256, or the exact text of the span; a mismatch is a conflict."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.sha256 is None and self.text is None:
            raise ValueError("expect needs sha256 or text")
        return self


# Numbers and truth values are taken as they are meant: true is no line 1, and "no" is not false.
Positive = Annotated[int, Field(gt=0, strict=True)]
FilePath = Annotated[str, Field(min_length=1, description="Path relative to the workspace, with forward slashes.")]
Fuzz = Literal["none", "whitespace"]


class MarkerPlace(Contract):
    """A region between two marker lines, in place of line numbers: the lines between them, without the markers."""

    marker: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=200, description="The marker's name.")
    ]


class _FileOperation(Contract):
    file: FilePath
    task_id: str | None = None
    expect: Expectation | None = None


class _BlockOperation(_FileOperation):
    block: Annotated[str | None, Field(description="The text; exactly one of block and blockFile.")] = None
    block_file: Annotated[str | None, Field(description="A file that holds the text, relative to the caller.")] = None

    @model_validator(mode="after")
    def _has_one_block(self) -> Self:
        if (self.block is None) == (self.block_file is None):
            raise ValueError("give exactly one of block and blockFile")
        return self


class ReplaceBlock(_BlockOperation):
    """Replace lines start to end (1-based, inclusive), or a marker's region; an empty block deletes them."""

    op: Literal["replace-block"] = "replace-block"
    start: Positive | None = None
    end: Positive | None = None
    at: MarkerPlace | None = None
    open_space: StrictBool = False

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if self.at is not None:
            if self.start is not None or self.end is not None:
                raise ValueError("give either start and end, or at")
        elif self.start is None or self.end is None:
            raise ValueError("give start and end, or at with a marker")
        elif self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self


class _Insertion(_BlockOperation):
    line: Positive | None = None
    at: MarkerPlace | None = None
    open_space: StrictBool = False

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.line is None) == (self.at is None):
            raise ValueError("give either line, or at with a marker")
        return self


class InsertBefore(_Insertion):
    """Insert the block before a line (1-based), or at the top of a marker's region."""

    op: Literal["insert-before"] = "insert-before"


class InsertAfter(_Insertion):
    """Insert the block after a line (1-based), or at the bottom of a marker's region."""

    op: Literal["insert-after"] = "insert-after"


class Append(_BlockOperation):
    """Add the block at the end of the file."""

    op: Literal["append"] = "append"


class Prepend(_BlockOperation):
    """Add the block at the start of the file: after a shebang, an encoding or an XML declaration, unless strict."""

    op: Literal["prepend"] = "prepend"
    strict: Annotated[StrictBool, Field(description="At the very start, whatever the first line is.")] = False


class ReplaceText(_FileOperation):
    """Replace a text wherever it occurs; it must occur exactly `count` times in the file, or in the marker's region.

    A line break in `old` matches LF and CRLF alike; what comes in takes the line ending of its place.
    """

    op: Literal["replace-text"] = "replace-text"
    old: Annotated[str, Field(min_length=1)]
    new: str
    count: Positive = 1
    at: MarkerPlace | None = None


class ApplyDiff(Contract):
    """Apply a unified diff, also git's with several files, renames, new and deleted files and changed modes.

    Each hunk is located by its context, at its line or the nearest place where it fits; the offset is reported.
    """

    op: Literal["apply-diff"] = "apply-diff"
    file: Annotated[
        FilePath | None, Field(description="The one file that the diff is for, whatever names its headers give.")
    ] = None
    diff: Annotated[str, Field(min_length=1)]
    fuzz: Annotated[
        Fuzz, Field(description="whitespace: context and removed lines may differ in white space; none: in nothing.")
    ] = "none"
    task_id: str | None = None
    expect: Expectation | None = None

    @model_validator(mode="after")
    def _expects_of_one_file(self) -> Self:
        if self.expect is not None and (self.file is None or self.expect.text is not None):
            raise ValueError("expect with a diff is the sha256 of the one file that `file` names")
        return self


class CreateFile(Contract):
    """Create a file with exactly this content; a file that is there already is a conflict."""

    op: Literal["create-file"] = "create-file"
    file: FilePath
    content: Annotated[
        str | None, Field(description="Its text, to the byte; exactly one of content and contentFile.")
    ] = None
    content_file: Annotated[str | None, Field(description="A file that holds it, relative to the caller.")] = None
    executable: StrictBool = False
    task_id: str | None = None

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        if (self.content is None) == (self.content_file is None):
            raise ValueError("give exactly one of content and contentFile")
        return self


class DeleteFile(_FileOperation):
    """Delete a file; folders that this leaves empty go with it."""

    op: Literal["delete-file"] = "delete-file"


class MoveFile(_FileOperation):
    """Move a file; a destination that is there already is a conflict."""

    op: Literal["move-file"] = "move-file"
    to: Annotated[str, Field(min_length=1, description="The new path, relative to the workspace.")]


LineOperation = ReplaceBlock | InsertBefore | InsertAfter | Append | Prepend
PatchOperation = Annotated[
    ReplaceBlock
    | InsertBefore
    | InsertAfter
    | Append
    | Prepend
    | ReplaceText
    | ApplyDiff
    | CreateFile
    | DeleteFile
    | MoveFile,
    Field(discriminator="op"),
]


def text_file(operation: PatchOperation) -> str | None:
    """Return the file that an operation names in place of its text (blockFile, contentFile); None if it has a text."""
    if isinstance(operation, CreateFile):
        return operation.content_file
    return operation.block_file if isinstance(operation, LineOperation) else None


def with_text(operation: PatchOperation, text: str) -> PatchOperation:
    """Return the operation with the text in place of the file that it named."""
    if isinstance(operation, CreateFile):
        return operation.model_copy(update={"content": text, "content_file": None})
    return operation.model_copy(update={"block": text, "block_file": None})


CheckName = Literal["python", "tsc", "node"]


class CommandCheck(Contract):
    """A check by a command of one's own: exit code 0 is well, whatever it prints."""

    command: Annotated[list[str], Field(min_length=1, description="The command and its arguments; no shell.")]


Check = CheckName | CommandCheck


class PatchBatch(Contract):
    """An ordered, atomic set of patches for one order, from one requester (a factory), in one phase."""

    order_id: str | None = None
    requester: Annotated[str, Field(min_length=1)] = "agent"
    reason: str = ""
    branch: str = ""
    phase: str | None = None
    coordinates: Coordinates = "original"
    allowed_paths: Annotated[
        list[str] | None, Field(description="Globs relative to the workspace; a patch elsewhere is refused.")
    ] = None
    check: Annotated[
        Check | None, Field(description="Revert the batch if this check finds new problems; null: the workspace's own.")
    ] = None
    dry_run: Annotated[StrictBool, Field(description="Plan and show the diff; write and record nothing.")] = False
    patches: Annotated[list[PatchOperation], Field(min_length=1)]


class PatchEvent(SnakeContract):
    """One step of a patch's life, as it is stored, streamed and posted."""

    patch_id: str
    file: str
    op: str
    task_id: str | None = None
    ts_check_ok: bool | None = None
    diff_path: str | None = None
    meta: dict[str, Any] | None = None
    ts: datetime | None = None
