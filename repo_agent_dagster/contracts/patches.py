"""Patch operations, batches and events: what agents and people may ask of the patching engine."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from repo_agent_dagster.contracts.base import Contract, SnakeContract

Coordinates = Literal["original", "sequential"]


class PatchEventName(StrEnum):
    """The steps of a patch's custody, in the names that go over the wire."""

    PATCH_REQUESTED = "patch_requested"
    PATCH_APPLIED = "patch_applied"
    PATCH_VALIDATED = "patch_validated"
    PATCH_FAILED = "patch_failed"
    PATCH_REVERTED = "patch_reverted"


class Expectation(Contract):
    """A precondition: the file's SHA-256, or the exact text of the span; a mismatch is a conflict."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.sha256 is None and self.text is None:
            raise ValueError("expect needs sha256 or text")
        return self


class _BlockOperation(Contract):
    file: Annotated[str, Field(min_length=1, description="Path relative to the workspace, with forward slashes.")]
    block: Annotated[str | None, Field(description="The text; exactly one of block and blockFile.")] = None
    block_file: Annotated[str | None, Field(description="A file that holds the text, relative to the caller.")] = None
    task_id: str | None = None
    expect: Expectation | None = None

    @model_validator(mode="after")
    def _has_one_block(self) -> Self:
        if (self.block is None) == (self.block_file is None):
            raise ValueError("give exactly one of block and blockFile")
        return self


class ReplaceBlock(_BlockOperation):
    """Replace lines start to end (1-based, inclusive) by the block; an empty block deletes them."""

    op: Literal["replace-block"] = "replace-block"
    start: PositiveInt
    end: PositiveInt
    open_space: bool = False

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self


class InsertBefore(_BlockOperation):
    """Insert the block before a line (1-based)."""

    op: Literal["insert-before"] = "insert-before"
    line: PositiveInt
    open_space: bool = False


class InsertAfter(_BlockOperation):
    """Insert the block after a line (1-based)."""

    op: Literal["insert-after"] = "insert-after"
    line: PositiveInt
    open_space: bool = False


class Append(_BlockOperation):
    """Add the block at the end of the file."""

    op: Literal["append"] = "append"


class Prepend(_BlockOperation):
    """Add the block at the start of the file."""

    op: Literal["prepend"] = "prepend"


PatchOperation = Annotated[
    ReplaceBlock | InsertBefore | InsertAfter | Append | Prepend,
    Field(discriminator="op"),
]


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
