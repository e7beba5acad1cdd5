"""How far documents have come at their targets: one row for a target and a document, and what is to be published now.

The current version of a document is what is published. An older one that did not get there in time is passed over.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from repo_agent_dagster.store.report_targets import (
    ALL_DOCUMENTS,
    TARGET_KINDS,
    TOLD_FROM_NOW_ON,
    Document,
    ReportTarget,
    TargetKind,
)
from repo_agent_dagster.store.rows import fetch_one, insert_statement, storable
from repo_agent_dagster.store.tables import delivery_reports, report_publications, report_targets, weekly_digests

_target = report_targets.c
_publication = report_publications.c


@dataclass(frozen=True, slots=True)
class Publication:
    """How far a document has come at a target. `version` is what stands there (0: nothing yet), `place` where.

    `remote_id` is GitHub's number of our issue or id of our comment; `attempts` counts failures since the last success.
    """

    target_id: str
    document: str
    version: int
    refused_version: int | None
    place: str | None
    remote_id: str | None
    attempts: int
    next_attempt_at: datetime | None
    problem: str | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A document that is to be brought to a target, and how far it has come there."""

    target: ReportTarget
    document: Document
    version: int
    publication: Publication | None


def due(
    conn: Connection, *, now: datetime, kinds: Collection[TargetKind] = TARGET_KINDS, limit: int = 1000
) -> list[Delivery]:
    """Return what is to be published now, document by document, those that failed least first, at most `limit`.

    Of an order that has a target of its own, the same address for all orders is left out.
    """
    current = _current()
    query = _deliveries(current).where(*_is_due(current, now), _target.kind.in_(list(kinds)))
    rank = case({kind: number for number, kind in enumerate(TARGET_KINDS)}, value=_target.kind)
    failed = func.coalesce(_publication.attempts, 0) > 0
    ordered = query.order_by(failed, current.c.made_at, current.c.document, rank, _target.id).limit(limit)
    return [_delivery(row) for row in conn.execute(ordered)]


def due_count(conn: Connection, *, now: datetime, kinds: Collection[TargetKind] = TARGET_KINDS) -> int:
    """Return how many deliveries are due."""
    current = _current()
    query = _deliveries(current).where(*_is_due(current, now), _target.kind.in_(list(kinds)))
    return int(conn.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def asked_for(
    conn: Connection, documents: Collection[str], *, target_ids: Collection[str] | None = None
) -> list[Delivery]:
    """Return the deliveries of these documents that somebody asks for by name: to their targets, or to these alone.

    What waits, was refused or stands there already is among them.
    """
    current = _current()
    query = _deliveries(current).where(current.c.document.in_(list(documents)))
    if target_ids is None:
        query = query.where(_target.ended_at.is_(None), ~_has_own_target(current))
    else:
        query = query.where(_target.id.in_(list(target_ids)))
    rank = case({kind: number for number, kind in enumerate(TARGET_KINDS)}, value=_target.kind)
    return [_delivery(row) for row in conn.execute(query.order_by(current.c.document, rank, _target.id))]


def publication(conn: Connection, target_id: str, document: str) -> Publication | None:
    """Return how far a document has come at a target; None: it was never tried."""
    return fetch_one(conn, report_publications, Publication, *_which(target_id, document))


def places(conn: Connection, document: str) -> list[tuple[TargetKind, str]]:
    """Return where a document stands, with the kind of each place."""
    query = (
        select(_target.kind, _publication.place)
        .join(report_targets, _target.id == _publication.target_id)
        .where(_publication.document == document, _publication.version > 0, _publication.place.is_not(None))
        .order_by(_target.kind, _publication.place)
    )
    return [(kind, place) for kind, place in conn.execute(query)]


def begin(conn: Connection, target_id: str, document: str, *, next_attempt_at: datetime) -> None:
    """Record that something is about to be created there: until then, nobody tries again by itself."""
    _write(conn, target_id, document, {"next_attempt_at": next_attempt_at})


def succeed(
    conn: Connection, target_id: str, document: str, *, version: int, place: str, remote_id: str | None, now: datetime
) -> None:
    """Record that a version got there."""
    values = {
        "version": version,
        "refused_version": None,
        "place": place,
        "remote_id": remote_id,
        "attempts": 0,
        "next_attempt_at": None,
        "problem": None,
        "published_at": now,
    }
    _write(conn, target_id, document, values)


def postpone(conn: Connection, target_id: str, document: str, *, problem: str, next_attempt_at: datetime) -> None:
    """Record why a document could not be published now, and when it is to be tried again."""
    _write(
        conn,
        target_id,
        document,
        {"problem": problem, "next_attempt_at": next_attempt_at},
        attempts=func.coalesce(_publication.attempts, 0) + 1,
    )


def refuse(conn: Connection, target_id: str, document: str, *, version: int, problem: str) -> None:
    """Record that a version will not get there, and why; the next version is tried."""
    _write(
        conn,
        target_id,
        document,
        {"refused_version": version, "problem": problem, "next_attempt_at": None, "attempts": 0},
    )


def _current() -> Subquery:
    """The current version of every document."""
    orders = select(
        (literal("order ") + delivery_reports.c.order_id).label("document"),
        delivery_reports.c.version,
        delivery_reports.c.created_at.label("made_at"),
    ).where(delivery_reports.c.current)
    weeks = select(
        (literal("week ") + weekly_digests.c.week).label("document"),
        weekly_digests.c.version,
        weekly_digests.c.created_at.label("made_at"),
    ).where(weekly_digests.c.current)
    return union_all(orders, weeks).subquery("current_documents")


def _deliveries(current: Subquery) -> Select[Any]:
    reached = and_(_publication.target_id == _target.id, _publication.document == current.c.document)
    return (
        select(
            *(_target[name].label(f"target_{name}") for name in ReportTarget.__dataclass_fields__),
            *(_publication[name].label(f"publication_{name}") for name in Publication.__dataclass_fields__),
            current.c.document,
            current.c.version,
        )
        .select_from(report_targets)
        .join(current, or_(_target.document == ALL_DOCUMENTS, _target.document == current.c.document))
        .outerjoin(report_publications, reached)
    )


def _delivery(row: Any) -> Delivery:
    values = row._mapping
    target = ReportTarget(**{name: values[f"target_{name}"] for name in ReportTarget.__dataclass_fields__})
    found = {name: values[f"publication_{name}"] for name in Publication.__dataclass_fields__}
    publication = None if found["target_id"] is None else Publication(**found)
    return Delivery(target, Document.of_key(values["document"]), values["version"], publication)


def _is_due(current: Subquery, now: datetime) -> list[ColumnElement[bool]]:
    reached = func.coalesce(_publication.version, 0)
    refused = func.coalesce(_publication.refused_version, 0)
    is_told_all = or_(_target.document != ALL_DOCUMENTS, _target.kind.not_in(TOLD_FROM_NOW_ON), reached > 0)
    return [
        _target.ended_at.is_(None),
        current.c.version > reached,
        current.c.version > refused,
        or_(_publication.next_attempt_at.is_(None), _publication.next_attempt_at <= now),
        or_(is_told_all, current.c.made_at >= _target.created_at),
        ~_has_own_target(current),
    ]


def _has_own_target(current: Subquery) -> ColumnElement[bool]:
    own = report_targets.alias("own_targets")
    same = select(true()).where(
        own.c.document == current.c.document,
        own.c.kind == _target.kind,
        own.c.address == _target.address,
        own.c.ended_at.is_(None),
    )
    return and_(_target.document == ALL_DOCUMENTS, same.correlate(report_targets, current).exists())


def _which(target_id: str, document: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _publication.target_id == target_id, _publication.document == document


def _write(conn: Connection, target_id: str, document: str, values: dict[str, Any], **computed: Any) -> None:
    first = {"attempts": 1 if computed else 0, "version": 0}
    row = {"target_id": target_id, "document": document, **first, **values}
    inserted = insert_statement(conn, report_publications).values(storable(report_publications, row))
    conn.execute(
        inserted.on_conflict_do_update(
            index_elements=["target_id", "document"],
            set_={name: inserted.excluded[name] for name in values} | computed,
        )
    )
