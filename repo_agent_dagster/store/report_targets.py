"""Where reports are published: targets, each for one document or for all. How far they are is `report_publications`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import add_if_absent, fetch_all, fetch_one, storable
from repo_agent_dagster.store.storable import storable_text
from repo_agent_dagster.store.tables import report_publications, report_targets

TargetKind = Literal["file", "artifact", "github", "webhook"]
TARGET_KINDS: tuple[TargetKind, ...] = ("file", "artifact", "github", "webhook")
"""In the order in which a document is published, so that the last can tell where it is already."""

TOLD_FROM_NOW_ON: tuple[TargetKind, ...] = ("github", "webhook")
"""Such a target of all documents gets what is made after it was added: nobody wants 2,000 issues for old orders."""

ALL_DOCUMENTS = ""

_target = report_targets.c
_publication = report_publications.c


@dataclass(frozen=True, slots=True)
class Document:
    """An order's report, by the order's id, or a week's digest, by the week (2026-W10)."""

    kind: Literal["order", "week"]
    id: str

    @property
    def key(self) -> str:
        """The document's name in the tables; no order can be called so that it is taken for a week."""
        return f"{self.kind} {self.id}"

    @classmethod
    def of_key(cls, key: str) -> "Document":
        """Return the document with this name."""
        kind, _, name = key.partition(" ")
        return cls(cast(Literal["order", "week"], kind), name)


@dataclass(frozen=True, slots=True)
class ReportTarget:
    """A place for one document's versions, or for those of all (`document` empty). Times are UTC.

    `secret_env` names the environment variable with the secret of a webhook. One with an end is told only on request.
    """

    id: str
    document: str
    kind: TargetKind
    address: str
    secret_env: str | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class TargetState:
    """A target with how many documents it has got, how many have a problem, and the last problem."""

    target: ReportTarget
    published: int
    troubled: int
    problem: str | None
    published_at: datetime | None


def add(
    conn: Connection,
    document: str,
    kind: TargetKind,
    address: str,
    *,
    now: datetime,
    secret_env: str | None = None,
    is_lasting: bool = True,
) -> ReportTarget:
    """Publish a document (its key; `ALL_DOCUMENTS`: each of them) at an address from now on; again is the same target.

    One that is not lasting is told once, on request; a lasting one stays so. A target that had ended begins anew: what
    it refused before is tried again.
    """
    values = {
        "id": new_id(),
        "document": document,
        "kind": kind,
        "address": address,
        "secret_env": secret_env,
        "created_at": now,
        "ended_at": None if is_lasting else now,
    }
    is_new = add_if_absent(conn, report_targets, values)
    found = _find(conn, document, kind, address)
    if is_new or found is None:
        return cast(ReportTarget, found)
    changes: dict[str, Any] = {}
    if secret_env is not None and secret_env != found.secret_env:
        changes["secret_env"] = secret_env
    if is_lasting and found.ended_at is not None:
        changes |= {"ended_at": None, "created_at": now}
        refused = _publication.refused_version.is_not(None)
        conn.execute(delete(report_publications).where(_publication.target_id == found.id, refused))
    if changes:
        conn.execute(update(report_targets).where(_target.id == found.id).values(**storable(report_targets, changes)))
    return cast(ReportTarget, _find(conn, document, kind, address))


def end(conn: Connection, target_id: str, *, now: datetime) -> bool:
    """Publish nothing there any more; what stands there stays. False if it had ended, or there is none."""
    ending = update(report_targets).where(_target.id == target_id, _target.ended_at.is_(None))
    return conn.execute(ending.values(ended_at=now)).rowcount == 1


def matching(
    conn: Connection, *, document: str | None = None, address: str | None = None, ended: bool = False
) -> list[ReportTarget]:
    """Return targets, those of all documents first, then the oldest; the ended ones on request."""
    conditions: list[ColumnElement[bool]] = [] if ended else [_target.ended_at.is_(None)]
    if document is not None:
        conditions.append(_target.document == document)
    if address is not None:
        conditions.append(_target.address == address)
    order = (_target.document != ALL_DOCUMENTS, _target.created_at, _target.id)
    return fetch_all(conn, report_targets, ReportTarget, *conditions, order_by=order)


def overview(conn: Connection, *, ended: bool = False) -> list[TargetState]:
    """Return the targets as `matching` does, with how they fare."""
    query = select(
        _publication.target_id,
        func.count().filter(_publication.version > 0),
        func.count(_publication.problem),
        func.max(_publication.problem),
        func.max(_publication.published_at),
    ).group_by(_publication.target_id)
    counts = {target_id: rest for target_id, *rest in conn.execute(query)}
    return [TargetState(target, *counts.get(target.id, (0, 0, None, None))) for target in matching(conn, ended=ended)]


def _find(conn: Connection, document: str, kind: TargetKind, address: str) -> ReportTarget | None:
    same = (
        _target.document == storable_text(document),
        _target.kind == kind,
        _target.address == storable_text(address),
    )
    return fetch_one(conn, report_targets, ReportTarget, *same)
