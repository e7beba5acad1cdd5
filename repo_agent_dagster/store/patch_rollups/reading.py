"""Patches counted over a range: read from what is counted ahead, and equal to what the events say at all times.

Reading never writes. What is not folded is read from the events, and patches with events that nobody has noted yet are
corrected: taken away as the rows know them, and added as they are.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.periods import UtcRange, iso_week
from repo_agent_dagster.contracts.reports import UNATTRIBUTED
from repo_agent_dagster.store.patch_rollups import rolled_up
from repo_agent_dagster.store.patch_rollups.dimensions import Dimension, error_digest, split_file_key
from repo_agent_dagster.store.patch_rollups.facts import facts_between, facts_of_changed_since
from repo_agent_dagster.store.patch_rollups.latency import LatencySum, Step, summed
from repo_agent_dagster.store.patch_rollups.planning import Plan, plan
from repo_agent_dagster.store.patch_rollups.rolled_up import PatchFilter
from repo_agent_dagster.store.patch_rollups.rows import OTHER_ERRORS
from repo_agent_dagster.store.patch_rollups.sums import CELL_DIMENSIONS, Counts, PatchSums

_FEW_GROUPS = 1000
_COLUMN_OF = {Dimension.ORDER: "order_id"}


class NotCountedAheadError(PermanentFault):
    """A filter was asked for a dimension that is not counted together with what it filters by."""


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """One group. `key` is None for the patches without one; `workspace` is there for files alone."""

    key: str | None
    workspace: str | None
    counts: Counts


@dataclass(frozen=True, slots=True)
class GroupedCounts:
    """Groups, most patches first, then by name; `left_out`: how many groups there are beyond the limit."""

    rows: list[KeyCounts]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One error and how many patches ended with it; its text is cut at 2,000 characters."""

    error: str
    patches: int


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Errors, most frequent first; `others`: how many patches ended with an error that is not listed."""

    rows: list[ErrorRow]
    others: int = 0


class PatchReading:
    """One range, read in one transaction (`read_transaction`), so that all its numbers are of one instant."""

    def __init__(self, conn: Connection, plan: Plan, sums: PatchSums) -> None:
        self._conn = conn
        self._plan = plan
        self._sums = sums
        self._days: dict[date, Counts] | None = None

    @classmethod
    def of(cls, conn: Connection, period: UtcRange) -> "PatchReading":
        """Begin to read a range: what has to come from the events is read at once, the rest when it is asked for."""
        how = plan(conn, period)
        sums = PatchSums()
        for part in how.events:
            for fact in facts_between(conn, part, upto=how.newest_id):
                sums.add(fact)
        if how.has_news:
            for upto, weight in ((how.newest_id, 1), (how.noted_id, -1)):
                for fact in facts_of_changed_since(conn, how.noted_id, how.newest_id, upto=upto):
                    if how.is_rolled_up(fact.opened_at):
                        sums.add(fact, weight)
        return cls(conn, how, sums)

    def total(self, where: PatchFilter | None = None) -> Counts:
        """Return all patches of the range."""
        total = Counts()
        for counts in self.by_day(where).values():
            total.add(counts)
        return total

    def by_day(self, where: PatchFilter | None = None) -> dict[date, Counts]:
        """Return the patches by the UTC day of their first event, in order; days without patches are left out."""
        groups: defaultdict[date, Counts] = defaultdict(Counts)
        if where is None:
            groups.update({day: replace(counts) for day, counts in self._rolled_up_days().items()})
        else:
            for (day,), cell, size in rolled_up.cells(self._conn, self._plan, where, "day"):
                groups[day].add_cell(cell, size)
        for cell, size in self._sums.cells.items():
            if where is None or where.takes(cell):
                groups[cell.day].add_cell(cell, size)
        return {day: groups[day] for day in sorted(groups) if groups[day].total}

    def by_week(self, where: PatchFilter | None = None) -> dict[str, Counts]:
        """Return the patches by the ISO week of their first event, e.g. 2026-W10, in order."""
        weeks: defaultdict[str, Counts] = defaultdict(Counts)
        for day, counts in self.by_day(where).items():
            weeks[iso_week(day)].add(counts)
        return dict(weeks)

    def counts_by(
        self, dimension: Dimension, *, limit: int | None = None, where: PatchFilter | None = None
    ) -> GroupedCounts:
        """Return the patches by a dimension, at most `limit` groups.

        Raises:
            NotCountedAheadError: a filter for workspaces or files.
        """
        if where is not None:
            return _ranked(dimension, self._filtered(dimension, where), limit)
        ours = self._sums.counts_by(dimension)
        if limit is None or len(ours) > _FEW_GROUPS:
            return _ranked(dimension, _merged(rolled_up.all_groups(self._conn, self._plan, dimension), ours), limit)
        # Only the groups that we add to may change their place: so many more than the limit are enough.
        largest, known = rolled_up.largest_groups(self._conn, self._plan, dimension, limit + len(ours))
        groups = rolled_up.groups_of(self._conn, self._plan, dimension, {*largest, *ours})
        known += len(ours.keys() - groups.keys())
        return _ranked(dimension, _merged(groups, ours), limit, known)

    def errors(self, top: int) -> ErrorCounts:
        """Return the `top` most frequent errors, each patch by its last one.

        Of each folded day the 200 most frequent errors are known by name; patches with others are among `others`. A
        text that is none of them counts by its patches with events that are not folded yet: that many at least.
        """
        counted = Counter(rolled_up.errors(self._conn, self._plan))
        texts: dict[str, str] = {}
        for (_, digest), text, patches in self._own_errors():
            counted[digest] += patches
            texts[digest] = text
        unnamed = counted.pop(OTHER_ERRORS, 0)
        named = {digest: patches for digest, patches in counted.items() if patches > 0}
        least = sorted(named.values(), reverse=True)[:top]
        frequent = [digest for digest, patches in named.items() if least and patches >= least[-1]]
        texts |= rolled_up.error_texts(self._conn, self._plan, [digest for digest in frequent if digest not in texts])
        rows = sorted((ErrorRow(texts[digest], named[digest]) for digest in frequent), key=_by_frequency)[:top]
        return ErrorCounts(rows, sum(named.values()) + unnamed - sum(row.patches for row in rows))

    def latency(self) -> list[LatencySum]:
        """Return how long patches took for each step, over those that made it."""
        histograms = rolled_up.latency(self._conn, self._plan)
        for step, ours in self._sums.latency.items():
            for number, added in ours.items():
                bucket = histograms[step][number]
                bucket.patches += added.patches
                bucket.milliseconds += added.milliseconds
        return [summed(step, histograms[step]) for step in Step]

    def _rolled_up_days(self) -> dict[date, Counts]:
        if self._days is None:
            self._days = rolled_up.days(self._conn, self._plan)
        return self._days

    def _filtered(self, dimension: Dimension, where: PatchFilter) -> dict[str, Counts]:
        if dimension not in CELL_DIMENSIONS:
            raise NotCountedAheadError(
                f"patches are not counted by {dimension} and by factory, order, phase or operation at once; "
                "leave the filter out, or group by something else"
            )
        groups: defaultdict[str, Counts] = defaultdict(Counts)
        column = () if dimension is Dimension.ALL else (_COLUMN_OF.get(dimension, dimension.value),)
        for key, cell, size in rolled_up.cells(self._conn, self._plan, where, *column):
            groups[key[0] if key else ""].add_cell(cell, size)
        for cell, size in self._sums.cells.items():
            if where.takes(cell):
                groups[cell.key(dimension)].add_cell(cell, size)
        return groups

    def _own_errors(self) -> list[tuple[tuple[date, str], str, int]]:
        """Return the errors that came from events, those of folded days under the digest that their rows have."""
        own = [((day, error_digest(text)), text, n) for (day, text), n in self._sums.errors.items() if n]
        folded = [key for key, _, _ in own if self._plan.is_day_rolled_up(key[0])]
        if not folded:
            return own
        days, digests = {day for day, _ in folded}, {digest for _, digest in folded}
        kept = rolled_up.kept_errors(self._conn, days, digests)

        def place(key: tuple[date, str], text: str, patches: int) -> tuple[tuple[date, str], str, int]:
            others = (key[0], OTHER_ERRORS)
            is_unnamed = self._plan.is_day_rolled_up(key[0]) and key not in kept and others in kept
            # Taken away can only be what is counted: without a row of its own that is among the others.
            return (others, "", patches) if is_unnamed and patches < 0 else (key, text, patches)

        return [place(*error) for error in own]


def _merged(groups: dict[str, Counts], ours: dict[str, Counts]) -> dict[str, Counts]:
    for key, counts in ours.items():
        groups.setdefault(key, Counts()).add(counts)
    return groups


def _ranked(
    dimension: Dimension, groups: dict[str, Counts], limit: int | None, known: int | None = None
) -> GroupedCounts:
    """Return groups in their order; `known`: how many there are, if more than are given."""
    found = sorted(
        ((key, counts) for key, counts in groups.items() if counts.total), key=lambda item: (-item[1].total, item[0])
    )
    rows = found[:limit]
    return GroupedCounts([_named(dimension, *row) for row in rows], (known or len(found)) - len(rows))


def _named(dimension: Dimension, key: str, counts: Counts) -> KeyCounts:
    if dimension is Dimension.FILE:
        workspace, path = split_file_key(key)
        return KeyCounts(path, workspace, counts)
    if dimension is Dimension.ORDER and not key:
        return KeyCounts(UNATTRIBUTED, None, counts)
    return KeyCounts(key or None, None, counts)


def _by_frequency(row: ErrorRow) -> tuple[int, str]:
    return -row.patches, row.error
