"""What a model may write of a patch batch: operations that say what they find, and nothing that is ours to decide.

Each model is a part of its namesake in `contracts.patches`: whatever is valid here is valid there. Left out are texts
from files of the caller, whole-file appends, moves and diffs, whose line counts models get wrong.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.patches import FilePath, Positive


class FoundText(Contract):
    """What stands in the file now: a patch whose text does not is a conflict, and nothing is written."""

    text: Annotated[str, Field(description="The lines as they are, without their numbers, to the byte.")]


class ReplaceLines(Contract):
    """Replace lines start to end (1-based, inclusive) by the block; an empty block deletes them."""

    op: Literal["replace-block"]
    file: FilePath
    start: Positive
    end: Positive
    expect: Annotated[FoundText, Field(description="All lines from start to end.")]
    block: str

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self


class InsertLines(Contract):
    """Insert the block before or after one line (1-based)."""

    op: Literal["insert-before", "insert-after"]
    file: FilePath
    line: Positive
    expect: Annotated[FoundText, Field(description="That one line.")]
    block: Annotated[str, Field(min_length=1)]


class SwapText(Contract):
    """Replace a text that occurs exactly `count` times in the file, wherever it does."""

    op: Literal["replace-text"]
    file: FilePath
    old: Annotated[str, Field(min_length=1)]
    new: str
    count: Positive


class NewFile(Contract):
    """Create a file that is not there yet."""

    op: Literal["create-file"]
    file: FilePath
    content: str


class GoneFile(Contract):
    """Delete a file."""

    op: Literal["delete-file"]
    file: FilePath


ProposedOperation = Annotated[
    ReplaceLines | InsertLines | SwapText | NewFile | GoneFile,
    Field(discriminator="op"),
]


class ProposedBatch(Contract):
    """Patches that belong together, all in coordinates of the files as they were shown; none: it cannot be done."""

    reason: Annotated[str, Field(min_length=1, description="What the patches do, or why it cannot be done.")]
    patches: list[ProposedOperation]
