"""The record of custody in SQL for both databases: append events with their links of the chain, read patches back.

This is the one implementation, below SQLAlchemy: it speaks through `Statements` to whatever connection holds the
transaction. Loads nothing of SQLAlchemy, whose import alone takes longer than recording a large batch.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Protocol

from repo_agent_dagster.contracts.custody import EventRow, RecordedPatch
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.store.custody_link import GENESIS, canonical_json, hash_of, iso_utc, message_of
from repo_agent_dagster.store.storable import refuse_longer, storable_json, storable_text

TEXT_LIMITS = {
    "patch_id": 36,
    "batch_id": 36,
    "task_id": 200,
    "order_id": 200,
    "phase": 200,
    "requester": 200,
    "op": 32,
}
"""How long the texts of `patch_events` may be, in characters; the others have no limit."""

_APPEND_LOCK = 0x70617463685F6576  # "patch_ev": PostgreSQL's advisory locks are numbers
_FIELDS = tuple(field.name for field in fields(EventRow))
_values_of = attrgetter(*_FIELDS)
_limited_of = attrgetter(*TEXT_LIMITS)
_LIMITS = tuple(TEXT_LIMITS.items())
_EVENT, _TIME, _CHECKED, _META = (_FIELDS.index(name) for name in ("event", "created_at", "ts_check_ok", "meta"))


@dataclass(frozen=True)
class Dialect:
    """One database's own words for what this module asks, and its own form of an instant."""

    lock: str | None
    head: str
    insert_events: str
    insert_links: str
    of_batch: str
    of_patches: str
    instant: Callable[[datetime], Any]
    ids: Callable[[Sequence[str]], Any]


class Statements(Protocol):
    """Runs statements in a transaction that its holder began and will end."""

    @property
    def dialect(self) -> Dialect:
        """Which database it is."""

    def rows(self, sql: str, parameters: tuple[Any, ...]) -> Iterable[Sequence[Any]]:
        """Run a statement and return the rows that it gives."""

    def many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """Run a statement once for each row of parameters."""


def append(statements: Statements, events: Sequence[EventRow]) -> None:
    """Append events and their custody rows, in this order, in the transaction that `statements` runs in.

    Appending is one at a time, so that ids are committed in their order and every chain is without gaps: on SQLite by
    the write lock that the transaction holds, on PostgreSQL by an advisory lock until its end.

    Raises:
        UnfitValueError: a value is too long for its column.
    """
    if not events:
        return
    dialect = statements.dialect
    lock_appending(statements)
    heads: dict[str, tuple[int, str]] = {}
    rows, links = [], []
    for asked in events:
        workspace = storable_text(asked.workspace)
        seq, prev_hash = heads.get(workspace) or _head(statements, workspace)
        event, meta, message = _told(asked, seq + 1)
        digest = hash_of(message, prev_hash)
        heads[workspace] = seq + 1, digest
        name, instant = event.event.value, dialect.instant(event.created_at)
        row = list(_values_of(event))
        row[_EVENT], row[_TIME], row[_META] = name, instant, None if event.meta is None else meta
        rows.append(tuple(row))
        links.append((workspace, seq + 1, event.patch_id, event.requester, name, message, instant, prev_hash, digest))
    statements.many(dialect.insert_events, rows)
    statements.many(dialect.insert_links, links)


def lock_appending(statements: Statements) -> None:
    """Keep other appends out until the transaction ends; on SQLite its write lock does so already."""
    if statements.dialect.lock is not None:
        statements.rows(statements.dialect.lock, (_APPEND_LOCK,))


def recorded_batch(statements: Statements, batch_id: str) -> list[RecordedPatch]:
    """Return the patches of a batch in the order in which they were requested."""
    return _by_patch(statements.rows(statements.dialect.of_batch, (batch_id,)))


def recorded_patches(statements: Statements, patch_ids: Sequence[str]) -> list[RecordedPatch]:
    """Return those of the patches that are on record, in the order in which they were requested."""
    dialect = statements.dialect
    return _by_patch(statements.rows(dialect.of_patches, (dialect.ids(patch_ids),)))


def _told(event: EventRow, seq: int) -> tuple[EventRow, str, str]:
    """Return an event as both databases keep it, its meta as JSON, and the message of its link."""
    for (name, limit), value in zip(_LIMITS, _limited_of(event), strict=True):
        if value is not None and len(value) > limit:
            refuse_longer(name, value, limit)
    meta = canonical_json(event.meta)
    message = message_of(event, seq, meta)
    if message.isascii() and "\\u0000" not in message:
        return event, meta, message
    # It may have what PostgreSQL does not keep: then what is hashed is what is stored.
    texts = {name: storable_json(getattr(event, name)) for name in _FIELDS if name not in ("event", "created_at")}
    event = replace(event, **texts)
    meta = canonical_json(event.meta)
    return event, meta, message_of(event, seq, meta)


def _head(statements: Statements, workspace: str) -> tuple[int, str]:
    for seq, digest in statements.rows(statements.dialect.head, (workspace,)):
        return seq, digest
    return 0, GENESIS


def _by_patch(rows: Iterable[Sequence[Any]]) -> list[RecordedPatch]:
    found: dict[str, list[EventRow]] = {}
    for row in rows:
        event = _event_of(row)
        found.setdefault(event.patch_id, []).append(event)
    return [RecordedPatch(history[0], tuple(history)) for history in found.values()]


def _event_of(row: Sequence[Any]) -> EventRow:
    """Read an event from what either driver returns: SQLite's knows no instants, no booleans and no JSON."""
    values = list(row)
    values[_EVENT] = PatchEventName(values[_EVENT])
    values[_TIME] = _instant_of(values[_TIME])
    if values[_CHECKED] is not None:
        values[_CHECKED] = bool(values[_CHECKED])
    if isinstance(values[_META], str):
        values[_META] = json.loads(values[_META])
    return EventRow(*values)


@lru_cache(maxsize=64)
def _instant_of(stored: datetime | str) -> datetime:
    if isinstance(stored, str):
        return datetime.fromisoformat(stored).replace(tzinfo=UTC)
    return stored.astimezone(UTC)


@lru_cache(maxsize=64)
def _sqlite_instant(instant: datetime) -> str:
    """Write an instant as `store.types.UtcDateTime` does: in UTC, without saying so."""
    return iso_utc(instant)[:26].replace("T", " ")


_HEAD = "SELECT seq, hash FROM patch_custody WHERE workspace = ? ORDER BY seq DESC LIMIT 1"
_INSERT_EVENTS = """
    INSERT INTO patch_events (
        patch_id, batch_id, requester, workspace, file_path, op, event, created_at,
        task_id, order_id, phase, ts_check_ok, diff_path, error, meta
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_LINKS = """
    INSERT INTO patch_custody (workspace, seq, patch_id, factory, event_type, message, ts, prev_hash, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_OF_BATCH = """
    SELECT patch_id, batch_id, requester, workspace, file_path, op, event, created_at,
        task_id, order_id, phase, ts_check_ok, diff_path, error, meta
    FROM patch_events WHERE batch_id = ? ORDER BY id"""
_OF_PATCHES = """
    SELECT patch_id, batch_id, requester, workspace, file_path, op, event, created_at,
        task_id, order_id, phase, ts_check_ok, diff_path, error, meta
    FROM patch_events WHERE patch_id IN (SELECT value FROM json_each(?)) ORDER BY id"""

SQLITE = Dialect(
    lock=None,
    head=_HEAD,
    insert_events=_INSERT_EVENTS,
    insert_links=_INSERT_LINKS,
    of_batch=_OF_BATCH,
    of_patches=_OF_PATCHES,
    instant=_sqlite_instant,
    ids=json.dumps,
)
POSTGRESQL = Dialect(
    lock="SELECT pg_advisory_xact_lock(%s)",
    head=_HEAD.replace("?", "%s"),
    insert_events=_INSERT_EVENTS.replace("?", "%s"),
    insert_links=_INSERT_LINKS.replace("?", "%s"),
    of_batch=_OF_BATCH.replace("?", "%s"),
    of_patches=_OF_PATCHES.replace("IN (SELECT value FROM json_each(?))", "= ANY(%s)"),
    instant=lambda instant: instant.astimezone(UTC),
    ids=list,
)
