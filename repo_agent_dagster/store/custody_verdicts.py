"""How far each workspace's custody chain was verified, so that what is appended is verified without what is before it.

A whole walk finds what was changed long ago; the walk of what was appended is cheap enough to be done before every
report. A break stays on record until a whole walk finds the chain intact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select, update

from repo_agent_dagster.store.custody_chain import START, ChainPosition, ChainVerdict, verify_chain
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_tallies import in_parts
from repo_agent_dagster.store.order_queries import order_query
from repo_agent_dagster.store.rows import add_if_absent, storable
from repo_agent_dagster.store.tables import custody_verdicts

_row = custody_verdicts.c


@dataclass(frozen=True)
class CustodyVerdict:
    """Whether a workspace's chain is unbroken as far as it was walked, and where it breaks first."""

    workspace: str
    position: ChainPosition
    problem: str | None
    walked_at: datetime

    @property
    def is_intact(self) -> bool:
        """Whether no broken link is known."""
        return self.problem is None


def verdicts(conn: Connection, workspaces: Iterable[str]) -> dict[str, CustodyVerdict]:
    """Return what is known of these workspaces' chains, by workspace; those never verified are left out."""
    found: dict[str, CustodyVerdict] = {}
    for part in in_parts(sorted(set(workspaces))):
        for row in conn.execute(select(custody_verdicts).where(_row.workspace.in_(part))):
            position = ChainPosition(row.seq, row.hash, row.event_id)
            found[row.workspace] = CustodyVerdict(row.workspace, position, row.problem, row.walked_at)
    return found


def verify_appended(engine: Engine, workspace: str, *, now: datetime) -> CustodyVerdict:
    """Verify the links that a workspace's chain got since it was verified last, record the verdict, and return it.

    A chain that was never verified is walked from its start. A break that is known stays what it is.
    """
    with read_transaction(engine) as conn:
        known = verdicts(conn, [workspace]).get(workspace)
        if known is not None and not known.is_intact:
            return known
        found = verify_chain(conn, workspace, after=known.position if known else START)
    verdict = _verdict(workspace, found, known.walked_at if known else now)
    if known is None or verdict.position != known.position or not verdict.is_intact:
        with write_transaction(engine) as conn:
            _put_appended(conn, verdict, known)
    return verdict


def verify_all_appended(engine: Engine, *, now: datetime) -> list[CustodyVerdict]:
    """Verify what was appended to any chain since it was verified last; return the verdicts on those chains."""
    with read_transaction(engine) as conn:
        heads = {row.workspace: row.seq for row in conn.execute(order_query("chain_heads"))}
        known = verdicts(conn, heads)
    due = [name for name, seq in heads.items() if name not in known or known[name].position.seq != seq]
    return [verify_appended(engine, workspace, now=now) for workspace in due]


def verify_whole(engine: Engine, workspace: str, *, now: datetime) -> CustodyVerdict:
    """Walk a workspace's chain from its start to its end, record the verdict, and return it.

    Of two walks that overlap, the one that began later is kept.
    """
    with read_transaction(engine) as conn:
        verdict = _verdict(workspace, verify_chain(conn, workspace), now)
    values = _values(verdict)
    with write_transaction(engine) as conn:
        if not add_if_absent(conn, custody_verdicts, values):
            older = update(custody_verdicts).where(_row.workspace == workspace, _row.walked_at <= now)
            conn.execute(older.values(storable(custody_verdicts, values)))
    return verdict


def verify_all(engine: Engine, *, now: datetime) -> list[CustodyVerdict]:
    """Walk every workspace's chain from its start, record the verdicts, and return them by workspace."""
    with read_transaction(engine) as conn:
        names = workspaces(conn)
    return [verify_whole(engine, name, now=now) for name in names]


def workspaces(conn: Connection) -> list[str]:
    """Return the workspaces that have a custody chain, sorted, by a step of the index from one to the next."""
    return sorted(workspace for workspace, _ in conn.execute(order_query("chain_heads")))


def _put_appended(conn: Connection, verdict: CustodyVerdict, known: CustodyVerdict | None) -> None:
    """Record the verdict unless another walk said something since: that one saw as much, or more."""
    values = _values(verdict)
    if known is None:
        add_if_absent(conn, custody_verdicts, values)
        return
    unchanged = (
        _row.workspace == verdict.workspace,
        _row.seq == known.position.seq,
        _row.hash == known.position.hash,
        _row.problem.is_(None),
    )
    conn.execute(update(custody_verdicts).where(*unchanged).values(storable(custody_verdicts, values)))


def _verdict(workspace: str, found: ChainVerdict, walked_at: datetime) -> CustodyVerdict:
    return CustodyVerdict(workspace, found.reached, found.problem, walked_at)


def _values(verdict: CustodyVerdict) -> dict[str, object]:
    position = verdict.position
    return {
        "workspace": verdict.workspace,
        "seq": position.seq,
        "hash": position.hash,
        "event_id": position.event_id,
        "problem": verdict.problem,
        "walked_at": verdict.walked_at,
    }
