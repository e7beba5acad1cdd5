"""Patches added up: what a day's rows are made of, and what is added to them when a range is read.

One accumulator serves both, so that what is counted ahead and what is counted on reading cannot differ.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from repo_agent_dagster.contracts.reports import CheckOutcome
from repo_agent_dagster.store.patch_rollups.dimensions import LONGEST_ERROR, Dimension, file_key, text_key
from repo_agent_dagster.store.patch_rollups.facts import PatchFact, instant_of
from repo_agent_dagster.store.patch_rollups.latency import Histogram, Step, durations, histogram, note


@dataclass(slots=True)
class Counts:
    """Patches by the outcome of their check, and the first events of the earliest and the latest of them.

    `total` = `ok` + `failed` + `unchecked`; `reverted` and `refused` overlap these.
    """

    total: int = 0
    ok: int = 0
    failed: int = 0
    unchecked: int = 0
    reverted: int = 0
    refused: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    def add(self, other: "Counts") -> None:
        """Add the patches of another group."""
        self.total += other.total
        self.ok += other.ok
        self.failed += other.failed
        self.unchecked += other.unchecked
        self.reverted += other.reverted
        self.refused += other.refused
        self._spread(other.first_at, other.last_at)

    def add_cell(self, cell: "Cell", size: "CellSize") -> None:
        """Add the patches of a cell."""
        self.total += size.patches
        if cell.outcome == "ok":
            self.ok += size.patches
        elif cell.outcome == "failed":
            self.failed += size.patches
        else:
            self.unchecked += size.patches
        self.reverted += size.reverted
        self.refused += size.refused
        self._spread(size.first_at, size.last_at)

    def _spread(self, first_at: datetime | None, last_at: datetime | None) -> None:
        if first_at is not None and (self.first_at is None or first_at < self.first_at):
            self.first_at = first_at
        if last_at is not None and (self.last_at is None or last_at > self.last_at):
            self.last_at = last_at


def counts_of(
    total: int,
    ok: int,
    failed: int,
    unchecked: int,
    reverted: int,
    refused: int,
    first_at: datetime | str,
    last_at: datetime | str,
) -> Counts:
    """Return a row's numbers as the driver gave them: PostgreSQL's sums may be decimals, SQLite has no instants."""
    numbers = (int(total), int(ok), int(failed), int(unchecked), int(reverted), int(refused))
    return Counts(*numbers, first_at=instant_of(first_at), last_at=instant_of(last_at))


class Cell(NamedTuple):
    """What the patches of a cell have in common; phase and order are empty where there is none."""

    day: date
    factory: str
    op: str
    phase: str
    order: str
    outcome: CheckOutcome

    def key(self, dimension: Dimension) -> str:
        """Return the cell's key in a dimension; it has none for a workspace or a file."""
        match dimension:
            case Dimension.ALL:
                return ""
            case Dimension.FACTORY:
                return self.factory
            case Dimension.OP:
                return self.op
            case Dimension.PHASE:
                return self.phase
            case Dimension.ORDER:
                return self.order
        raise KeyError(f"cells do not tell the {dimension}")


CELL_DIMENSIONS = (Dimension.ALL, Dimension.FACTORY, Dimension.OP, Dimension.PHASE, Dimension.ORDER)
"""The dimensions that cells tell; the others would make the cells as many as the patches."""


@dataclass(slots=True)
class CellSize:
    """How many patches a cell has."""

    patches: int = 0
    reverted: int = 0
    refused: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


class PatchSums:
    """Patches added up by cell, file, error and latency.

    A patch may be taken away again as it was before: its day and attributes never change, so only its outcome does,
    and the instants of groups stay right.
    """

    def __init__(self) -> None:
        self.cells: defaultdict[Cell, CellSize] = defaultdict(CellSize)
        self.errors: Counter[tuple[date, str]] = Counter()
        self.latency: dict[Step, Histogram] = {step: histogram() for step in Step}
        self._files: defaultdict[tuple[str, str], Counts] = defaultdict(Counts)

    @classmethod
    def of(cls, facts: Iterable[PatchFact]) -> "PatchSums":
        """Add up patches."""
        sums = cls()
        for fact in facts:
            sums.add(fact)
        return sums

    @property
    def patches(self) -> int:
        """How many patches there are in all."""
        return sum(size.patches for size in self.cells.values())

    def add(self, fact: PatchFact, weight: int = 1) -> None:
        """Add a patch, or take it away (weight -1)."""
        # Called for every patch there is: written out, because calls would take half of the time.
        outcome, opened_at = fact.outcome, fact.opened_at
        cell = self.cells[Cell(fact.day, fact.factory, fact.op, fact.phase, fact.order, outcome)]
        file = self._files[fact.workspace, fact.file_path]
        cell.patches += weight
        file.total += weight
        if outcome == "ok":
            file.ok += weight
        elif outcome == "failed":
            file.failed += weight
        else:
            file.unchecked += weight
        if fact.is_reverted:
            cell.reverted += weight
            file.reverted += weight
        if fact.is_refused:
            cell.refused += weight
            file.refused += weight
        if weight > 0:
            for group in (cell, file):
                if group.first_at is None or opened_at < group.first_at:
                    group.first_at = opened_at
                if group.last_at is None or opened_at > group.last_at:
                    group.last_at = opened_at
        if fact.error is not None:
            self.errors[fact.day, fact.error[:LONGEST_ERROR]] += weight
        for step, seconds in durations(fact.requested_at, fact.applied_at, fact.validated_at):
            note(self.latency[step], seconds, weight)

    def counts_by(self, dimension: Dimension) -> dict[str, Counts]:
        """Return the patches by the key of a dimension."""
        groups: defaultdict[str, Counts] = defaultdict(Counts)
        if dimension in CELL_DIMENSIONS:
            for cell, size in self.cells.items():
                groups[cell.key(dimension)].add_cell(cell, size)
        for (workspace, path), counts in self._files.items() if dimension not in CELL_DIMENSIONS else ():
            key = file_key(workspace, path) if dimension is Dimension.FILE else text_key(workspace)
            groups[key].add(counts)
        return groups
