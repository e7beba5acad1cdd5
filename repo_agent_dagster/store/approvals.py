"""Gates that a person opens or closes: asked for once for a subject, decided once, by terminal, API or UI."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.goals import ApprovalState, Verdict
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import add, add_if_absent, fetch_all, fetch_one, storable
from repo_agent_dagster.store.tables import approvals

_row = approvals.c


class ApprovalError(PermanentFault):
    """The approval cannot be decided as asked."""


@dataclass(frozen=True)
class Approval:
    """A gate and what was decided at it, in a goal run or (without a run) in another job.

    `subject` names exactly what is approved, so that a decision never covers something that changed since.
    """

    id: str
    run_id: str | None
    subject: str | None
    source: str
    verdict: ApprovalState
    rationale: str
    payload: dict[str, Any] | None
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", ApprovalState(self.verdict))

    @property
    def is_pending(self) -> bool:
        """Whether nobody has decided yet."""
        return self.verdict is ApprovalState.PENDING


def request(conn: Connection, *, subject: str, payload: dict[str, Any], now: datetime, source: str = "") -> Approval:
    """Ask for an approval and return it; a subject that was asked about before keeps its row and its decision."""
    asked = Approval(new_id(), None, subject, source, ApprovalState.PENDING, "", payload, now, None, None)
    add_if_absent(conn, approvals, asdict(asked))
    found = of_subject(conn, subject)
    if found is None:
        raise ApprovalError(f"the approval of {subject} vanished while it was asked for; run again")
    return found


def record(
    conn: Connection,
    source: str,
    verdict: Verdict,
    *,
    now: datetime,
    run_id: str | None = None,
    rationale: str = "",
    payload: dict[str, Any] | None = None,
) -> Approval:
    """Store a decision that nobody had to wait for, e.g. a checker's at the gate of a goal run, and return it."""
    approval = Approval(new_id(), run_id, None, source, ApprovalState(verdict), rationale, payload, now, source, now)
    add(conn, approvals, asdict(approval))
    return approval


def decide(
    conn: Connection, approval_id: str, verdict: Verdict, *, by: str, rationale: str = "", now: datetime
) -> bool:
    """Decide a pending approval; False, with nothing changed, if there is none with this id or it is decided.

    Raises:
        ApprovalError: nobody is named.
    """
    if not by.strip():
        raise ApprovalError("say who decides")
    changes = {"verdict": verdict.value, "decided_by": by.strip(), "rationale": rationale, "decided_at": now}
    guarded = update(approvals).where(_row.id == approval_id, _row.verdict == ApprovalState.PENDING.value)
    return conn.execute(guarded.values(storable(approvals, changes))).rowcount == 1


def get(conn: Connection, approval_id: str) -> Approval | None:
    """Return the approval, or None when there is none with this id."""
    return fetch_one(conn, approvals, Approval, _row.id == approval_id)


def of_subject(conn: Connection, subject: str) -> Approval | None:
    """Return the approval that was asked for under this subject, or None."""
    return fetch_one(conn, approvals, Approval, _row.subject == subject)


def pending(conn: Connection, *, limit: int = 200) -> list[Approval]:
    """Return at most `limit` approvals that nobody has decided yet, oldest first."""
    return listing(conn, verdict=ApprovalState.PENDING, limit=limit)


def listing(
    conn: Connection,
    *,
    run_id: str | None = None,
    source: str | None = None,
    verdict: ApprovalState | None = None,
    limit: int = 200,
) -> list[Approval]:
    """Return at most `limit` approvals that match every filter given, oldest first."""
    filters = {"run_id": run_id, "source": source, "verdict": None if verdict is None else verdict.value}
    conditions = [_row[name] == value for name, value in filters.items() if value is not None]
    return fetch_all(conn, approvals, Approval, *conditions, order_by=[_row.created_at, _row.id], limit=limit)
