"""What people thought of a result: a rating from 1 (bad) to 5 (good) and their notes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import add, fetch_all
from repo_agent_dagster.store.tables import feedback

_row = feedback.c


class RatingError(PermanentFault):
    """The rating is not one of 1 to 5."""


@dataclass(frozen=True)
class Feedback:
    """One opinion on one subject, e.g. ``order:42`` or ``patch:<id>``."""

    id: str
    subject: str
    rating: int
    notes: str
    created_at: datetime


@dataclass(frozen=True)
class RatingSummary:
    """How many ratings a subject got and their mean; the mean is None without any."""

    count: int
    mean: float | None


def give(conn: Connection, subject: str, rating: int, *, now: datetime, notes: str = "") -> Feedback:
    """Store an opinion and return it.

    Raises:
        RatingError: the rating is not one of 1 to 5.
    """
    if rating not in range(1, 6):
        raise RatingError(f"rating {rating} is not one of 1 (bad) to 5 (good)")
    given = Feedback(new_id(), subject, rating, notes, now)
    add(conn, feedback, vars(given))
    return given


def listing(conn: Connection, *, subject: str | None = None, limit: int = 50) -> list[Feedback]:
    """Return at most `limit` opinions, of one subject or of all, newest first."""
    conditions = [] if subject is None else [_row.subject == subject]
    newest_first = [_row.created_at.desc(), _row.id.desc()]
    return fetch_all(conn, feedback, Feedback, *conditions, order_by=newest_first, limit=limit)


def summary(conn: Connection, subject: str) -> RatingSummary:
    """Return how many ratings the subject got and their mean."""
    count, mean = conn.execute(select(func.count(), func.avg(_row.rating)).where(_row.subject == subject)).one()
    return RatingSummary(count, None if mean is None else float(mean))
