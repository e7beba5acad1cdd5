"""A finding: what a step's lines tell of one failure, before it is told as one. Indexes are those of the sheet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from repo_agent_dagster.ops.analysis.blocks import Block
from repo_agent_dagster.ops.analysis.model import Signal


@dataclass(frozen=True, slots=True)
class Finding:
    """A block in the sheet's own indexes, with the reasons for which its lines were picked."""

    block: Block
    picked: tuple[int, ...]
    signals: frozenset[Signal]

    @property
    def first(self) -> int:
        """The first picked line."""
        return self.picked[0]

    def joined(self, lines: Iterable[int], *signals: Signal) -> "Finding":
        """Return the finding with further lines."""
        return replace(self, picked=tuple(sorted({*self.picked, *lines})), signals=self.signals | {*signals})

    def with_ending(self, exit_code: int | None, command: str | None) -> "Finding":
        """Return the finding with the exit code and command that a later line tells, unless it has its own."""
        block = self.block
        if block.exit_code is not None:
            exit_code = block.exit_code
        return replace(self, block=replace(block, exit_code=exit_code, command=block.command or command))


def found(block: Block, lines: Sequence[int]) -> Finding:
    """Return a block that was read from these lines of the sheet, as a finding of the sheet."""
    picked = tuple(lines[index] for index in block.picked)
    moved = replace(block, start=lines[block.start], end=lines[block.end - 1] + 1, picked=picked)
    return Finding(moved, picked, frozenset({"stack"} if block.is_trace else {"block"}))
