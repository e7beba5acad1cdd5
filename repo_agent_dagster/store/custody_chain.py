"""The hash chain of custody proved: every link recomputed, and held against the event that it tells.

Each row of `patch_custody` tells a whole event as canonical JSON; its hash covers that text and the hash before it. So
a row that is edited, deleted or slipped in later shows, in the chain or against `patch_events`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.store.custody_link import GENESIS, hash_of
from repo_agent_dagster.store.tables import patch_custody, patch_events

_ROWS_PER_FETCH = 1000
_EVENT_FIELDS = tuple(field.name for field in fields(EventRow))


@dataclass(frozen=True, slots=True)
class ChainPosition:
    """A link of a workspace's chain, its hash, and the event that it tells of."""

    seq: int = 0
    hash: str = GENESIS
    event_id: int = 0


START = ChainPosition()
"""Before the first link."""


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What `verify_chain` found: `seq` and `problem` name the first row that does not fit, None when all do.

    `reached` is the last link that fits, `checked` how many of them were looked at.
    """

    ok: bool
    checked: int
    seq: int | None = None
    problem: str | None = None
    reached: ChainPosition = field(default=START, compare=False)

    def told(self) -> dict[str, object]:
        """Return the verdict as programs are told it; how far it reached is for the next walk alone."""
        return {"ok": self.ok, "checked": self.checked, "seq": self.seq, "problem": self.problem}


def verify_chain(conn: Connection, workspace: str, *, after: ChainPosition = START) -> ChainVerdict:
    """Recompute a workspace's chain and hold it against its events; name the first row that does not fit.

    `after` is a link up to which that was done before: only what was appended since is read, but for that link itself.
    So rows that were cut off since at the end of both tables show, which leave no trace otherwise.
    """
    if after.seq and not _still_there(conn, workspace, after):
        problem = f"custody row {after.seq} is not what it was when it was verified: the chain was cut off or replaced"
        return ChainVerdict(ok=False, checked=0, seq=after.seq, problem=problem)
    chain = conn.execute(
        select(patch_custody)
        .where(patch_custody.c.workspace == workspace, patch_custody.c.seq > after.seq)
        .order_by(patch_custody.c.seq),
        execution_options={"yield_per": _ROWS_PER_FETCH},
    )
    events = conn.execute(
        select(patch_events)
        .where(patch_events.c.workspace == workspace, patch_events.c.id > after.event_id)
        .order_by(patch_events.c.id),
        execution_options={"yield_per": _ROWS_PER_FETCH},
    )
    reached = after
    for seq, (link, event) in enumerate(zip_longest(chain.mappings(), events.mappings()), start=after.seq + 1):
        misfit = _misfit(seq, reached.hash, link, event)
        if misfit is not None:
            return ChainVerdict(ok=False, checked=reached.seq - after.seq, seq=seq, problem=misfit, reached=reached)
        reached = ChainPosition(seq, link["hash"], event["id"])
    return ChainVerdict(ok=True, checked=reached.seq - after.seq, reached=reached)


def _still_there(conn: Connection, workspace: str, position: ChainPosition) -> bool:
    link = patch_custody.c
    found = conn.execute(select(link.hash).where(link.workspace == workspace, link.seq == position.seq)).scalar()
    return found == position.hash


def _content(row: Mapping[Any, Any], seq: int) -> dict[str, Any]:
    """What a custody row tells: the whole event, and its place in the chain."""
    content = {name: row[name] for name in _EVENT_FIELDS}
    content["created_at"] = row["created_at"].isoformat(timespec="microseconds")
    content["seq"] = seq
    return content


def _misfit(seq: int, prev_hash: str, link: RowMapping | None, event: RowMapping | None) -> str | None:
    if link is None:
        return f"custody row {seq} is missing: event {event['id'] if event else '?'} has no row in the chain"
    if link["seq"] != seq:
        return f"custody row {seq} is missing: the next is {link['seq']}"
    if link["prev_hash"] != prev_hash:
        return f"custody row {seq} does not follow the row before it: a row was replaced or slipped in"
    if link["hash"] != hash_of(link["message"], prev_hash):
        return f"custody row {seq} was edited: its hash does not fit its content"
    told = json.loads(link["message"])
    columns = (link["patch_id"], link["factory"], link["event_type"], link["ts"].isoformat(timespec="microseconds"))
    if columns != tuple(told[name] for name in ("patch_id", "requester", "event", "created_at")):
        return f"custody row {seq} was edited: its columns do not fit its message"
    if event is None:
        return f"the event of custody row {seq} (patch {link['patch_id']}) was deleted"
    if _content(event, seq) != told:
        return f"event {event['id']} is not what custody row {seq} tells: an event was edited, deleted or slipped in"
    return None
