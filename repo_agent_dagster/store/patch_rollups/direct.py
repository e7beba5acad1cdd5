"""The same numbers from the events alone, by the queries in `sql/queries`: what is counted ahead is held to these.

They cost by the events of the range. Nothing but comparisons, explanations and benchmarks needs them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import Connection

from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.store.patch_rollups import latency as latencies
from repo_agent_dagster.store.patch_rollups.dimensions import LONGEST_ERROR, Dimension, file_key, text_key
from repo_agent_dagster.store.patch_rollups.facts import day_of, instant_of
from repo_agent_dagster.store.patch_rollups.latency import Histogram, LatencySum, Step
from repo_agent_dagster.store.patch_rollups.queries import NEWEST, DirectQuery, direct_query
from repo_agent_dagster.store.patch_rollups.sums import Cell, CellSize, Counts, counts_of

_QUERY_OF = {
    Dimension.FACTORY: DirectQuery.BY_FACTORY,
    Dimension.OP: DirectQuery.BY_OP,
    Dimension.PHASE: DirectQuery.BY_PHASE,
    Dimension.ORDER: DirectQuery.BY_ORDER,
    Dimension.WORKSPACE: DirectQuery.BY_WORKSPACE,
}


def by_day(conn: Connection, period: UtcRange, *, upto: int = NEWEST) -> dict[date, Counts]:
    """Return the patches by the UTC day of their first event."""
    rows = _rows(conn, DirectQuery.BY_DAY, period, upto)
    return _grouped((day_of(day), values) for day, *values in rows)


def by_week(conn: Connection, period: UtcRange, *, upto: int = NEWEST) -> dict[str, Counts]:
    """Return the patches by the ISO week of their first event."""
    return _grouped((week, values) for week, *values in _rows(conn, DirectQuery.BY_WEEK, period, upto))


def counts_by(conn: Connection, dimension: Dimension, period: UtcRange, *, upto: int = NEWEST) -> dict[str, Counts]:
    """Return the patches by the keys of a dimension, as `patch_trends` keeps them."""
    if dimension is Dimension.ALL:
        return _grouped(("", values) for _, *values in _rows(conn, DirectQuery.BY_DAY, period, upto))
    if dimension is Dimension.FILE:
        rows = _rows(conn, DirectQuery.BY_FILE, period, upto)
        return _grouped((file_key(workspace, path), values) for workspace, path, *values in rows)
    return _grouped((text_key(key), values) for key, *values in _rows(conn, _QUERY_OF[dimension], period, upto))


def cells(conn: Connection, period: UtcRange, *, upto: int = NEWEST) -> dict[Cell, CellSize]:
    """Return the patches by all that they are counted by."""
    found = {}
    for row in _rows(conn, DirectQuery.CELLS, period, upto):
        day, factory, op, phase, order, outcome, patches, reverted, refused, first_at, last_at = row
        size = CellSize(int(patches), int(reverted), int(refused), instant_of(first_at), instant_of(last_at))
        found[Cell(day_of(day), factory, op, phase, order, outcome)] = size
    return found


def errors(conn: Connection, period: UtcRange, *, upto: int = NEWEST) -> Counter[str]:
    """Return the patches by their last error, cut at 2,000 characters."""
    counted: Counter[str] = Counter()
    for error, patches in _rows(conn, DirectQuery.ERRORS, period, upto):
        counted[error[:LONGEST_ERROR]] += int(patches)
    return counted


def latency(conn: Connection, period: UtcRange, *, upto: int = NEWEST) -> list[LatencySum]:
    """Return how long patches took for each step, with the exact 95th percentile."""
    durations = _durations(conn, period, upto)
    return [latencies.exact(step, durations[step]) for step in Step]


def histograms(conn: Connection, period: UtcRange, *, upto: int = NEWEST) -> dict[Step, Histogram]:
    """Return the histograms of all steps."""
    found = {step: latencies.histogram() for step in Step}
    for step, durations in _durations(conn, period, upto).items():
        for seconds in durations:
            latencies.note(found[step], seconds, 1)
    return found


def _durations(conn: Connection, period: UtcRange, upto: int) -> dict[Step, list[float]]:
    found: dict[Step, list[float]] = {step: [] for step in Step}
    for row in _rows(conn, DirectQuery.LATENCY, period, upto):
        for step, seconds in latencies.durations(*(None if at is None else instant_of(at) for at in row)):
            found[step].append(seconds)
    return found


def _rows(conn: Connection, query: DirectQuery, period: UtcRange, upto: int) -> Iterable[Any]:
    return conn.execute(direct_query(query), {"from_at": period.start, "to_at": period.end, "upto": upto})


def _grouped(rows: Iterable[tuple[Any, list[Any]]]) -> dict[Any, Counts]:
    groups: defaultdict[Any, Counts] = defaultdict(Counts)
    for key, values in rows:
        groups[key].add(counts_of(*values))
    return dict(groups)
