"""Spools taken into the record: a segment's events and the note that it was taken in are one transaction.

Like `custody_record`, this loads nothing of SQLAlchemy.
"""

from collections.abc import Sequence
from datetime import datetime

from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.spool import SpoolSegment
from repo_agent_dagster.store.custody_record import SQLITE, TEXT_LIMITS, Statements, append, lock_appending
from repo_agent_dagster.store.storable import refuse_longer

_TAKEN = "SELECT id FROM shipped_spools WHERE id = ?"
_TAKE = "INSERT INTO shipped_spools (id, workspace, events, sha256, created_at) VALUES (?, ?, ?, ?, ?)"
# From cursor 0: a batch's target is told of its events alone, and has missed none of them.
_SUBSCRIBE = """
    INSERT INTO notification_targets (id, url, batch_id, secret_env, "cursor", attempts, created_at)
    VALUES (?, ?, ?, ?, 0, 0, ?) ON CONFLICT DO NOTHING"""


def take_in(statements: Statements, segment: SpoolSegment, now: datetime) -> bool:
    """Append a segment's events and subscriptions unless it was taken in before; return whether it was now.

    In the transaction that `statements` runs in. The events keep their times, and continue their workspace's chain.

    Raises:
        UnfitValueError: a value is too long for its column.
    """
    lock_appending(statements)
    if list(statements.rows(_own(statements, _TAKEN), (segment.id,))):
        return False
    at = statements.dialect.instant(now)
    wishes = [(wish.id, wish.url, wish.batch_id, wish.secret_env, at) for wish in segment.subscriptions]
    if wishes:
        statements.many(_own(statements, _SUBSCRIBE), wishes)
    append(statements, segment.events)
    taken = (segment.id, segment.workspace, len(segment.events), segment.sha256, at)
    statements.many(_own(statements, _TAKE), [taken])
    return True


def refuse_unfit(events: Sequence[EventRow]) -> None:
    """Refuse now what `take_in` would refuse later, when the files are changed already.

    Raises:
        UnfitValueError: a value is too long for its column.
    """
    for event in events:
        for name, limit in TEXT_LIMITS.items():
            value = getattr(event, name)
            if value is not None:
                refuse_longer(name, value, limit)


def _own(statements: Statements, sql: str) -> str:
    return sql if statements.dialect is SQLITE else sql.replace("?", "%s")
