"""What a model said of an incident, by its fingerprint and a digest of what it was shown."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from repo_agent_dagster.store.rows import fetch_all, put
from repo_agent_dagster.store.tables import ops_wordings

_AT_ONCE = 500
"""SQLite takes some thousand values in a query."""


@dataclass(frozen=True, slots=True)
class StoredWording:
    """A model's answer for one incident, redacted; `tokens` are its share of what the call cost."""

    fingerprint: str
    input_digest: str
    model: str
    wording: dict[str, Any]
    tokens: int


def stored(connection: Connection, fingerprints: Collection[str]) -> dict[str, StoredWording]:
    """Return the wordings that are kept, by fingerprint."""
    found: dict[str, StoredWording] = {}
    wanted = sorted(set(fingerprints))
    for start in range(0, len(wanted), _AT_ONCE):
        rows = fetch_all(
            connection,
            ops_wordings,
            StoredWording,
            ops_wordings.c.fingerprint.in_(wanted[start : start + _AT_ONCE]),
            order_by=[ops_wordings.c.fingerprint],
        )
        found |= {row.fingerprint: row for row in rows}
    return found


def keep(connection: Connection, wordings: Sequence[StoredWording], *, now: datetime) -> None:
    """Store wordings; one takes the place of what was kept for its fingerprint."""
    for one in wordings:
        values = {name: getattr(one, name) for name in StoredWording.__dataclass_fields__}
        put(connection, ops_wordings, {**values, "created_at": now}, key=["fingerprint"])
