"""What requests carry and answers hold: camelCase JSON, times in UTC, unknown fields refused."""

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.goals import ApprovalState, Verdict
from repo_agent_dagster.contracts.tasks import PAYLOADS, Pathway, TaskStatus
from repo_agent_dagster.migration.reporting.unit_states import UnitState
from repo_agent_dagster.store.approvals import Approval
from repo_agent_dagster.store.task_requests import TaskRequest

ViewT = TypeVar("ViewT", bound=Contract)

# What PostgreSQL cannot compare with (NUL) cannot be asked for either, and a label with line breaks is none.
Label = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Invocation(Contract):
    """A task to be put into the queue. What `payload` holds depends on the pathway."""

    pathway: Annotated[Pathway, Field(description="What to do.")]
    payload: Annotated[Contract, Field(description="What the pathway takes.")]
    initial_prompt: Annotated[str, Field(max_length=100_000, description="What was asked for, in words.")] = ""
    order_id: Annotated[Label | None, Field(description="The order this belongs to.")] = None
    dedupe_key: Annotated[
        Label | None, Field(description="The same key again returns the first task; or send it as Idempotency-Key.")
    ] = None

    @field_validator("payload", mode="plain", json_schema_input_type=reduce(or_, PAYLOADS.values()))
    @classmethod
    def _is_of_the_pathway(cls, value: Any, info: ValidationInfo) -> Any:
        pathway = info.data.get("pathway")
        return value if pathway is None else PAYLOADS[pathway].model_validate(value)


class Accepted(Contract):
    """The task in the queue; `replayed` if the key had been used for it before."""

    id: str
    status: TaskStatus
    status_url: str
    replayed: bool


class TaskSummary(Contract):
    """A task request without what it takes and what came of it."""

    id: str
    pathway: Pathway
    status: TaskStatus
    attempt: int
    order_id: str | None
    repo_url: str | None
    dedupe_key: str | None
    dagster_run_id: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, task: TaskRequest) -> Self:
        """Return what is shown of a task."""
        return _shown(cls, task)


class TaskView(TaskSummary):
    """A task request as it stands."""

    initial_prompt: str
    payload: dict[str, Any]
    result: dict[str, Any] | None


class ApprovalView(Contract):
    """A gate, what is asked for, and what was decided."""

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

    @classmethod
    def of(cls, approval: Approval) -> Self:
        """Return what is shown of an approval."""
        return _shown(cls, approval)


class Decision(Contract):
    """What is decided at a gate, by whom, and why."""

    verdict: Verdict
    by: Annotated[
        Label, Field(description="Who decides, as it is put on record; the token does not tell persons apart.")
    ]
    rationale: Annotated[str, Field(max_length=10_000)] = ""


class StepView(Contract):
    """One step of a migration that began."""

    step: str
    status: str
    seconds: float | None
    detail: str | None


class UnitView(Contract):
    """One STAGING unit on its way into one target root; what is not known is null, the score is in percent."""

    unit: str
    state: str
    target_root: str
    digest: str
    updated_at: datetime
    created_at: datetime
    order_id: str | None
    task_id: str | None
    destination: str | None
    files: int | None
    rewrites: int | None
    unresolved: int | None
    conflicts: int | None
    standards_score: float | None
    check: str | None
    error: str | None
    batches: int | None
    steps: list[StepView]
    approval_id: str | None
    remediation_task_id: str | None
    earlier: Annotated[int, Field(description="Contents of the unit that came before this one.")]

    @classmethod
    def of(cls, unit: UnitState) -> Self:
        """Return what is shown of a unit."""
        return _shown(cls, unit)


class Health(Contract):
    """That the server answers and its store does."""

    status: str


def _shown(view: type[ViewT], row: object) -> ViewT:
    return view.model_validate(row, from_attributes=True)
