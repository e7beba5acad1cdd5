"""Our own two ways to the eight questions: the rollups, and the direct queries on the typed columns of the events."""

from statistics import fmean
from typing import Any

from sqlalchemy import Connection, Engine

from benchmarks._patch_questions import GROUPS, STEPS, TOP, Answer, Counted, Period, Taken, counted, instant
from benchmarks._store_cpu import percentile
from repo_agent_dagster.contracts.patch_stats import TrendGroup
from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.contracts.reports import UNATTRIBUTED, PatchCounts
from repo_agent_dagster.reports.stats import stats, trends
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_rollups.queries import NEWEST, DirectQuery, direct_query

_DIRECT = {
    "day": DirectQuery.BY_DAY,
    "week": DirectQuery.BY_WEEK,
    "factory": DirectQuery.BY_FACTORY,
    "operation": DirectQuery.BY_OP,
    "phase": DirectQuery.BY_PHASE,
    "order": DirectQuery.BY_ORDER,
}


def ask_rollups(engine: Engine, question: str, period: Period, answer: Answer) -> None:
    """Answer one question by `trends`, errors and latency by `stats`."""
    span = UtcRange(*period)
    if question not in GROUPS:
        told = stats(engine, span, top=TOP)
        answer.errors = [(one.error, one.patches) for one in told.errors]
        answer.latency = {
            one.step: Taken(one.patches, one.mean_seconds or 0.0, one.p95_seconds or 0.0) for one in told.latency
        }
        return
    rows = trends(engine, TrendGroup(question), span, limit=None).rows
    answer.groups[question] = {
        None if row.key == UNATTRIBUTED else row.key: _counted(row.counts, row.first_patch, row.last_patch)
        for row in rows
    }


def ask_directly(engine: Engine, question: str, period: Period, answer: Answer) -> None:
    """Answer one question by its query on the events."""
    with read_transaction(engine) as conn:
        if question in GROUPS:
            rows = _rows(conn, _DIRECT[question], period)
            answer.groups[question] = counted([(row[0] or None, *row[1:9]) for row in rows])
        elif question == "errors":
            answer.errors = [(text, n) for text, n in _rows(conn, DirectQuery.ERRORS, period)[:TOP]]
        else:
            answer.latency = _latencies(_rows(conn, DirectQuery.LATENCY, period))


def _rows(conn: Connection, query: DirectQuery, period: Period) -> list[Any]:
    return list(conn.execute(direct_query(query), {"from_at": period.start, "to_at": period.end, "upto": NEWEST}))


def _latencies(rows: list[Any]) -> dict[str, Taken]:
    times: dict[str, list[float]] = {step: [] for step in STEPS}
    for row in rows:
        at = dict(zip(("requested_at", "applied_at", "validated_at"), row, strict=True))
        for step, (start, end) in STEPS.items():
            if at[start] is not None and at[end] is not None:
                times[step].append((instant(at[end]) - instant(at[start])).total_seconds())
    return {step: Taken(len(found), fmean(found), percentile(found, 95)) for step, found in times.items() if found}


def _counted(counts: PatchCounts, first_at: Any, last_at: Any) -> Counted:
    return Counted(
        counts.total,
        counts.ok,
        counts.failed,
        counts.unchecked,
        counts.reverted,
        counts.refused,
        first_at,
        last_at,
    )
