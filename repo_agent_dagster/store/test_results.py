"""Outcomes of single tests: one row for each test in each run of a task."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from repo_agent_dagster.contracts.suites import CaseResult, Outcome
from repo_agent_dagster.store.rows import fetch_all, storable
from repo_agent_dagster.store.tables import test_results

_row = test_results.c


@dataclass(frozen=True)
class StoredCase:
    """One test in one run of a task; `id` ascends in the order in which the runner told."""

    id: int
    run: str
    suite: str
    case: str
    outcome: Outcome
    duration_seconds: float | None
    message: str


def replace(conn: Connection, task_request_id: str, run: str, cases: Sequence[CaseResult]) -> None:
    """Keep these as the tests of one run of a task; what was kept of that run before goes."""
    conn.execute(delete(test_results).where(_row.task_request_id == task_request_id, _row.run == run))
    if cases:
        rows = [{"task_request_id": task_request_id, "run": run, **case.model_dump(by_alias=False)} for case in cases]
        conn.execute(insert(test_results), [storable(test_results, row) for row in rows])


def listing(
    conn: Connection, task_request_id: str, *, run: str | None = None, after_id: int = 0, limit: int = 1000
) -> list[StoredCase]:
    """Return at most `limit` tests of a task, or of one of its runs, after the one with id `after_id`."""
    conditions = [_row.task_request_id == task_request_id, _row.id > after_id]
    if run is not None:
        conditions.append(_row.run == run)
    return fetch_all(conn, test_results, StoredCase, *conditions, order_by=[_row.id], limit=limit)


def counts(conn: Connection, task_request_id: str) -> dict[str, dict[str, int]]:
    """Return how many tests had each outcome, by run, in the order in which the runs were kept."""
    counted = (
        select(_row.run, _row.outcome, func.count().label("tests"), func.min(_row.id).label("first"))
        .where(_row.task_request_id == task_request_id)
        .group_by(_row.run, _row.outcome)
        .order_by("first")
    )
    found: dict[str, dict[str, int]] = {}
    for row in conn.execute(counted):
        found.setdefault(row.run, {})[row.outcome] = row.tests
    return found
