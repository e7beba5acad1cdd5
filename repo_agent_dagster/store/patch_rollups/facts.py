"""What became of each patch: one row per patch, read from its events."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, TextClause

from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.contracts.reports import CheckOutcome
from repo_agent_dagster.store.patch_rollups.queries import NEWEST, facts_of_changed, facts_of_range

_ROWS_PER_FETCH = 2000
_REVERTED, _FAILED = 2, 1


class PatchFact(NamedTuple):
    """One patch: its first event's attributes, and how it ended. Phase and order are empty where there is none."""

    patch_id: str
    day: date
    opened_at: datetime
    workspace: str
    file_path: str
    factory: str
    op: str
    phase: str
    order: str
    outcome: CheckOutcome
    is_reverted: bool
    is_refused: bool
    error: str | None
    requested_at: datetime | None
    applied_at: datetime | None
    validated_at: datetime | None


def facts_between(conn: Connection, period: UtcRange, *, upto: int = NEWEST) -> Iterator[PatchFact]:
    """Go through the patches begun in the range, by the events with an id up to `upto`, in bounded memory."""
    return _facts(conn, facts_of_range(), {"from_at": period.start, "to_at": period.end, "upto": upto})


def facts_of_changed_since(conn: Connection, after: int, newest: int, *, upto: int) -> Iterator[PatchFact]:
    """Go through the patches that have an event in (after, newest], as they were with the events up to `upto`.

    A patch that had not begun by then is left out.
    """
    return _facts(conn, facts_of_changed(), {"after": after, "newest": newest, "upto": upto})


def instant_of(stored: datetime | str) -> datetime:
    """Return an instant that the driver gave: a text from SQLite."""
    if isinstance(stored, str):
        return datetime.fromisoformat(stored + "+00:00")  # a quarter of the time that setting the zone afterwards takes
    return stored if stored.tzinfo is UTC else stored.astimezone(UTC)


@lru_cache(maxsize=64)
def day_of(stored: date | str) -> date:
    """Return a day that the driver gave: a text from SQLite."""
    return date.fromisoformat(stored) if isinstance(stored, str) else stored


def _facts(conn: Connection, query: TextClause, parameters: dict[str, Any]) -> Iterator[PatchFact]:
    with conn.execute(query, parameters, execution_options={"stream_results": True}) as result:
        # SQLite's own cursor: SQLAlchemy's rows cost a quarter of the query. PostgreSQL's is read ahead by SQLAlchemy.
        rows: Any = result.cursor if conn.dialect.name == "sqlite" else result
        while found := rows.fetchmany(_ROWS_PER_FETCH):
            for (
                patch_id,
                day,
                opened_at,
                workspace,
                file_path,
                factory,
                op,
                phase,
                order,
                check_ok,
                marks,
                error,
                requested_at,
                applied_at,
                validated_at,
            ) in found:
                yield PatchFact(
                    patch_id,
                    day_of(day),
                    instant_of(opened_at),
                    workspace,
                    file_path,
                    factory,
                    op,
                    phase,
                    order,
                    "unchecked" if check_ok is None else "ok" if check_ok else "failed",
                    marks >= _REVERTED,
                    check_ok is None and bool(marks & _FAILED),
                    error,
                    None if requested_at is None else instant_of(requested_at),
                    None if applied_at is None else instant_of(applied_at),
                    None if validated_at is None else instant_of(validated_at),
                )
