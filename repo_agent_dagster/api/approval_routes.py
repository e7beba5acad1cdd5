"""`/api/v1/approvals`: what waits for a person, and deciding it."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from repo_agent_dagster.api.messages import ApprovalView, Decision
from repo_agent_dagster.api.problems import Conflict, NotFound, documented
from repo_agent_dagster.api.transactions import Store
from repo_agent_dagster.contracts.goals import ApprovalState
from repo_agent_dagster.store import approvals
from repo_agent_dagster.store.approvals import Approval

PREFIX = "/api/v1/approvals"
ApprovalId = Annotated[str, Path(pattern=r"^[!-~]{1,64}$", description="The approval's id.")]


def approval_routes(store: Store, clock: Callable[[], datetime]) -> APIRouter:
    """Return the routes over this store."""
    routes = APIRouter(prefix=PREFIX, tags=["approvals"], responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY))

    @routes.get("")
    def list_approvals(
        state: ApprovalState | Literal["all"] = ApprovalState.PENDING,
        limit: Annotated[int, Query(ge=1, le=500)] = 200,
    ) -> list[ApprovalView]:
        """List the approvals in a state, oldest first."""
        with store.reading() as conn:
            found = approvals.listing(conn, verdict=None if state == "all" else state, limit=limit)
        return [ApprovalView.of(approval) for approval in found]

    @routes.get("/{approval_id}", responses=documented(HTTPStatus.NOT_FOUND))
    def get_approval(approval_id: ApprovalId) -> ApprovalView:
        """Show one approval: what is asked for, and what was decided."""
        with store.reading() as conn:
            found = approvals.get(conn, approval_id)
        return ApprovalView.of(_existing(found, approval_id))

    @routes.post("/{approval_id}", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
    def decide_approval(approval_id: ApprovalId, decision: Decision) -> ApprovalView:
        """Open or close the gate, once; what waited for it goes on, or is closed, within seconds."""
        with store.writing() as conn:
            decided = approvals.decide(
                conn, approval_id, decision.verdict, by=decision.by, rationale=decision.rationale, now=clock()
            )
            approval = _existing(approvals.get(conn, approval_id), approval_id)
        if not decided:
            raise Conflict(
                f"approval {approval.id} is decided already: {approval.verdict.value} by {approval.decided_by}"
            )
        return ApprovalView.of(approval)

    return routes


def _existing(approval: Approval | None, approval_id: str) -> Approval:
    if approval is None:
        raise NotFound(f"there is no approval {approval_id}; GET {PREFIX} lists those that wait")
    return approval
