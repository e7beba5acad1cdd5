"""Patch events: recorded together with their links of the custody chain, listed, and summed up per patch.

An event goes into `patch_events`, which everybody reads, and into `patch_custody`, which proves it (`custody_chain`);
`custody_record` writes both.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    URL,
    Boolean,
    Column,
    Connection,
    Engine,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    func,
    make_url,
    select,
    union,
)
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from repo_agent_dagster.contracts.custody import CustodyRefused, EventRow, RecordedPatch
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.spool import SpoolSegment
from repo_agent_dagster.store.custody import refused, unavailable
from repo_agent_dagster.store.custody_chain import ChainVerdict, verify_chain
from repo_agent_dagster.store.custody_record import POSTGRESQL, SQLITE, append, recorded_batch, recorded_patches
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.rows import selecting
from repo_agent_dagster.store.spool_record import take_in
from repo_agent_dagster.store.storable import UnfitValueError
from repo_agent_dagster.store.tables import patch_custody, patch_events
from repo_agent_dagster.store.types import UtcDateTime

__all__ = [
    "ChainVerdict",
    "EventRow",
    "PatchActivity",
    "StoreCustody",
    "StoredEvent",
    "activity",
    "listing",
    "newest_id",
    "order_ids",
    "record",
    "row_count",
    "told_as_custody",
    "v_patch_activity",
    "verify_chain",
    "workspaces",
]

_ROWS_PER_FETCH = 1000

v_patch_activity = Table(
    "v_patch_activity",
    MetaData(),  # its own, so that migrations do not take the view for a table
    Column("patch_id", String(36)),
    Column("batch_id", String(36)),
    Column("task_id", String(200)),
    Column("order_id", String(200)),
    Column("phase", String(200)),
    Column("requester", String(200)),
    Column("workspace", Text),
    Column("file_path", Text),
    Column("op", String(32)),
    Column("requested_at", UtcDateTime),
    Column("applied_at", UtcDateTime),
    Column("validated_at", UtcDateTime),
    Column("failed_at", UtcDateTime),
    Column("reverted_at", UtcDateTime),
    Column("exported_at", UtcDateTime),
    Column("last_event", String(32)),
    Column("ts_check_ok", Boolean),
    Column("error", Text),
    Column("diff_path", Text),
)


@dataclass(frozen=True, slots=True)
class StoredEvent(EventRow):
    """An event with its id, which grows in the order in which events were committed: a cursor."""

    id: int = 0


@dataclass(frozen=True, slots=True)
class PatchActivity:
    """One patch, summed up from its events; a time is None when the event did not happen."""

    patch_id: str
    batch_id: str | None
    task_id: str | None
    order_id: str | None
    phase: str | None
    requester: str
    workspace: str
    file_path: str
    op: str
    requested_at: datetime | None
    applied_at: datetime | None
    validated_at: datetime | None
    failed_at: datetime | None
    reverted_at: datetime | None
    exported_at: datetime | None
    last_event: str
    ts_check_ok: bool | None
    error: str | None
    diff_path: str | None


def record(conn: Connection, events: Sequence[EventRow]) -> None:
    """Append events and their custody rows, in this order, in the caller's transaction (`write_transaction`).

    Raises:
        UnfitValueError: a value is too long for its column.
    """
    append(_OnConnection(conn), events)


def listing(
    conn: Connection,
    *,
    order_id: str | None = None,
    patch_id: str | None = None,
    batch_id: str | None = None,
    after_id: int = 0,
    limit: int = 1000,
) -> list[StoredEvent]:
    """Return the events with an id beyond `after_id` in their order, at most `limit`."""
    query = selecting(patch_events, StoredEvent).where(patch_events.c.id > after_id)
    query = query.order_by(patch_events.c.id).limit(limit)
    for name, value in (("order_id", order_id), ("patch_id", patch_id), ("batch_id", batch_id)):
        if value is not None:
            query = query.where(patch_events.c[name] == value)
    return [_stored(row) for row in conn.execute(query).mappings()]


def of_workspace(conn: Connection, workspace: str) -> Iterator[StoredEvent]:
    """Go through a workspace's events in their order."""
    query = selecting(patch_events, StoredEvent).where(patch_events.c.workspace == workspace)
    query = query.order_by(patch_events.c.id)
    rows = conn.execute(query, execution_options={"yield_per": _ROWS_PER_FETCH})
    return (_stored(row) for row in rows.mappings())


def order_ids(conn: Connection, since: datetime | None = None) -> list[str]:
    """Return the orders that have patch events, those since an instant if one is given, sorted."""
    order = patch_events.c.order_id
    query = select(order).where(order.is_not(None)).distinct().order_by(order)
    if since is not None:
        query = query.where(patch_events.c.created_at >= since)
    return list(conn.execute(query).scalars())


def workspaces(conn: Connection) -> list[str]:
    """Return the workspaces that have events or custody rows, sorted."""
    both = union(select(patch_events.c.workspace), select(patch_custody.c.workspace)).subquery()
    return list(conn.execute(select(both.c.workspace).order_by(both.c.workspace)).scalars())


def newest_id(conn: Connection) -> int:
    """Return the id of the newest event; 0 when there is none."""
    return conn.execute(select(func.max(patch_events.c.id))).scalar_one() or 0


def row_count(conn: Connection) -> int:
    """Return how many events there are."""
    return int(conn.execute(select(func.count()).select_from(patch_events)).scalar_one())


def activity(
    conn: Connection,
    *,
    order_id: str | None = None,
    patch_id: str | None = None,
    batch_id: str | None = None,
    workspace: str | None = None,
    limit: int = 100,
) -> list[PatchActivity]:
    """Return patches with what became of them, the newest first (patch ids sort by time), at most `limit`."""
    query = select(v_patch_activity).order_by(v_patch_activity.c.patch_id.desc()).limit(limit)
    wanted = {"order_id": order_id, "patch_id": patch_id, "batch_id": batch_id, "workspace": workspace}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(v_patch_activity.c[name] == value)
    return [PatchActivity(**row) for row in conn.execute(query).mappings()]


class StoreCustody:
    """Custody kept in the store: every call is one transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def record(self, events: Sequence[EventRow]) -> None:
        """Append events, all or none; see `contracts.custody.Custody`."""
        with told_as_custody(self.engine.url), write_transaction(self.engine) as conn:
            record(conn, events)

    def take_in(self, segment: SpoolSegment, now: datetime) -> bool:
        """Append a spool's segment, once; see `contracts.spool.TakesSpools`."""
        with told_as_custody(self.engine.url), write_transaction(self.engine) as conn:
            return take_in(_OnConnection(conn), segment, now)

    def batch(self, batch_id: str) -> list[RecordedPatch]:
        """Return a batch's patches; see `contracts.custody.Custody`."""
        with told_as_custody(self.engine.url), read_transaction(self.engine) as conn:
            return recorded_batch(_OnConnection(conn), batch_id)

    def patches(self, patch_ids: Sequence[str]) -> list[RecordedPatch]:
        """Return known patches; see `contracts.custody.Custody`."""
        with told_as_custody(self.engine.url), read_transaction(self.engine) as conn:
            return recorded_patches(_OnConnection(conn), patch_ids)


class _OnConnection:
    """Statements in the transaction of one of SQLAlchemy's connections."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.dialect = POSTGRESQL if conn.dialect.name == "postgresql" else SQLITE

    def rows(self, sql: str, parameters: tuple[Any, ...]) -> Sequence[Sequence[Any]]:
        return self._conn.exec_driver_sql(sql, parameters).all()

    def many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        self._conn.exec_driver_sql(sql, rows)


@contextmanager
def told_as_custody(url: URL | str) -> Iterator[None]:
    """Turn what the database's driver raises inside the block into the faults of `contracts.custody`."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise unavailable(_place(url), _first_line(error)) from error
    except SQLAlchemyError as error:
        raise refused(_place(url), _first_line(error)) from error
    except UnfitValueError as error:
        raise CustodyRefused(str(error)) from error


def _place(url: URL | str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _stored(row: RowMapping) -> StoredEvent:
    values = {str(name): value for name, value in row.items()}
    return StoredEvent(**{**values, "event": PatchEventName(row["event"])})
