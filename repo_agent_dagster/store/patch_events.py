"""Patch events: recorded together with their links of the custody chain, listed, and summed up per patch.

An event goes into `patch_events`, which everybody reads, and into `patch_custody`, which proves it (`custody_chain`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
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
    insert,
    make_url,
    select,
    union,
)
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from repo_agent_dagster.contracts.custody import CustodyRefused, CustodyUnavailable, EventRow, RecordedPatch
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.store.custody_chain import GENESIS, ChainVerdict, hash_of, message_of, verify_chain
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.rows import UnfitValueError, storable_json
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
    "recorded_batch",
    "recorded_patches",
    "told_as_custody",
    "v_patch_activity",
    "verify_chain",
    "workspaces",
]

_APPEND_LOCK = 0x70617463685F6576  # "patch_ev": PostgreSQL's advisory locks are numbers
_IDS_PER_QUERY = 500
_EVENT_FIELDS = tuple(field.name for field in fields(EventRow))
_LENGTHS = [
    (column.name, column.type.length)
    for column in patch_events.c
    if isinstance(column.type, String) and column.type.length is not None
]

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

    Appending is one at a time, so that ids are committed in their order and every chain is without gaps: on SQLite by
    the write lock that the transaction holds, on PostgreSQL by an advisory lock until its end.

    Raises:
        UnfitValueError: a value is too long for its column.
    """
    if not events:
        return
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(_APPEND_LOCK)))
    heads: dict[str, tuple[int, str]] = {}
    rows, chain = [], []
    for event in events:
        row = _storable(event)
        workspace = row["workspace"]
        seq, prev_hash = heads.get(workspace) or _head(conn, workspace)
        message = message_of(row, seq + 1)
        if not message.isascii() or "\\u0000" in message:
            row = _cleaned(row)
            message = message_of(row, seq + 1)
        digest = hash_of(message, prev_hash)
        heads[workspace] = seq + 1, digest
        rows.append(row)
        chain.append(
            {
                "workspace": workspace,
                "seq": seq + 1,
                "patch_id": row["patch_id"],
                "factory": row["requester"],
                "event_type": row["event"],
                "message": message,
                "ts": row["created_at"],
                "prev_hash": prev_hash,
                "hash": digest,
            }
        )
    conn.execute(insert(patch_events), rows)
    conn.execute(insert(patch_custody), chain)


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
    query = select(patch_events).where(patch_events.c.id > after_id).order_by(patch_events.c.id).limit(limit)
    for name, value in (("order_id", order_id), ("patch_id", patch_id), ("batch_id", batch_id)):
        if value is not None:
            query = query.where(patch_events.c[name] == value)
    return [_stored(row) for row in conn.execute(query).mappings()]


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


def recorded_batch(conn: Connection, batch_id: str) -> list[RecordedPatch]:
    """Return the patches of a batch in the order in which they were requested."""
    query = select(patch_events).where(patch_events.c.batch_id == batch_id).order_by(patch_events.c.id)
    return _by_patch(_stored(row) for row in conn.execute(query).mappings())


def recorded_patches(conn: Connection, patch_ids: Sequence[str]) -> list[RecordedPatch]:
    """Return those of the patches that are on record, in the order in which they were requested."""
    events: list[StoredEvent] = []
    for start in range(0, len(patch_ids), _IDS_PER_QUERY):
        ids = patch_ids[start : start + _IDS_PER_QUERY]
        query = select(patch_events).where(patch_events.c.patch_id.in_(ids))
        events += [_stored(row) for row in conn.execute(query).mappings()]
    return _by_patch(sorted(events, key=lambda event: event.id))


class StoreCustody:
    """Custody kept in the store: every call is one transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def record(self, events: Sequence[EventRow]) -> None:
        """Append events, all or none; see `contracts.custody.Custody`."""
        with told_as_custody(self.engine.url), write_transaction(self.engine) as conn:
            record(conn, events)

    def batch(self, batch_id: str) -> list[RecordedPatch]:
        """Return a batch's patches; see `contracts.custody.Custody`."""
        with told_as_custody(self.engine.url), read_transaction(self.engine) as conn:
            return recorded_batch(conn, batch_id)

    def patches(self, patch_ids: Sequence[str]) -> list[RecordedPatch]:
        """Return known patches; see `contracts.custody.Custody`."""
        with told_as_custody(self.engine.url), read_transaction(self.engine) as conn:
            return recorded_patches(conn, patch_ids)


@contextmanager
def told_as_custody(url: URL | str) -> Iterator[None]:
    """Turn what the database's driver raises inside the block into the faults of `contracts.custody`."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise CustodyUnavailable(
            f"the store at {_place(url)} cannot be reached: {_first_line(error)}; "
            "check the URL and that the server runs"
        ) from error
    except SQLAlchemyError as error:
        raise CustodyRefused(f"the store at {_place(url)} does not take the record: {_first_line(error)}") from error
    except UnfitValueError as error:
        raise CustodyRefused(str(error)) from error


def _place(url: URL | str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _storable(event: EventRow) -> dict[str, Any]:
    row = {name: getattr(event, name) for name in _EVENT_FIELDS}
    for name, limit in _LENGTHS:
        value = row[name]
        if value is not None and len(value) > limit:
            raise UnfitValueError(
                f"{name} takes at most {limit} characters, not {len(value)}: {value[:60]!r}…; shorten it"
            )
    row["event"] = event.event.value
    row["created_at"] = event.created_at.astimezone(UTC)
    return row


def _cleaned(row: dict[str, Any]) -> dict[str, Any]:
    """Replace what PostgreSQL cannot keep, so that what is hashed is what is stored."""
    return {name: value if isinstance(value, datetime) else storable_json(value) for name, value in row.items()}


def _head(conn: Connection, workspace: str) -> tuple[int, str]:
    query = (
        select(patch_custody.c.seq, patch_custody.c.hash)
        .where(patch_custody.c.workspace == workspace)
        .order_by(patch_custody.c.seq.desc())
        .limit(1)
    )
    found = conn.execute(query).one_or_none()
    return (0, GENESIS) if found is None else (found.seq, found.hash)


def _stored(row: RowMapping) -> StoredEvent:
    values = {str(name): value for name, value in row.items()}
    return StoredEvent(**{**values, "event": PatchEventName(row["event"])})


def _by_patch(events: Iterator[StoredEvent] | Sequence[StoredEvent]) -> list[RecordedPatch]:
    found: dict[str, list[EventRow]] = {}
    for event in events:
        found.setdefault(event.patch_id, []).append(event)
    return [RecordedPatch(history[0], tuple(history)) for history in found.values()]
