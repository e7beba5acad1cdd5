"""The delivery report: what an order asked for, what happened, and the proof, as one versioned JSON document.

Here belong only shapes and the counting rules that their fields state; `reports/build.py` fills them from the facts.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, NonNegativeInt, PositiveInt

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.tasks import TaskStatus

UNATTRIBUTED = "unattributed"
"""The order under which events without an order id are reported, so that none is lost."""

CheckOutcome = Literal["ok", "failed", "unchecked"]


class Tally(NamedTuple):
    """Patches that are alike in what is counted."""

    check_ok: bool | None
    is_reverted: bool
    has_failure: bool
    patches: int = 1

    @property
    def outcome(self) -> CheckOutcome:
        """The check's outcome; no check is its own outcome, never ok and never failed."""
        if self.check_ok is None:
            return "unchecked"
        return "ok" if self.check_ok else "failed"


class PatchCounts(Contract):
    """Patches by the outcome of their check. `total` = `ok` + `failed` + `unchecked`; the other two overlap these."""

    total: NonNegativeInt = 0
    ok: Annotated[NonNegativeInt, Field(description="The last check of the patch passed.")] = 0
    failed: Annotated[NonNegativeInt, Field(description="The last check of the patch failed.")] = 0
    unchecked: Annotated[NonNegativeInt, Field(description="No check ran: neither ok nor failed.")] = 0
    checked: Annotated[NonNegativeInt, Field(description="ok + failed: the success rate's denominator.")] = 0
    reverted: Annotated[NonNegativeInt, Field(description="Patches taken back, whatever their check said.")] = 0
    refused: Annotated[
        NonNegativeInt, Field(description="Unchecked patches that failed before any check, e.g. by a conflict.")
    ] = 0
    success_rate: Annotated[
        float | None, Field(ge=0, le=1, description="ok / checked; null when nothing was checked.")
    ] = None

    @classmethod
    def of(cls, tallies: Iterable[Tally]) -> Self:
        """Count the tallied patches: the one place where the rules of these numbers are carried out."""
        sums: Counter[str] = Counter()
        for tally in tallies:
            sums["total"] += tally.patches
            sums[tally.outcome] += tally.patches
            if tally.is_reverted:
                sums["reverted"] += tally.patches
            if tally.has_failure and tally.check_ok is None:
                sums["refused"] += tally.patches
        checked = sums["ok"] + sums["failed"]
        return cls(**sums, checked=checked, success_rate=sums["ok"] / checked if checked else None)


class DeliveryRequest(Contract):
    """What was asked for, as the batches of the order and its task requests said it."""

    requesters: list[str]
    reasons: list[str]
    branches: list[str]
    prompts: Annotated[list[str], Field(description="Initial prompts of the order's task requests.")]


class PhaseReport(Contract):
    """One phase of the order: when its patches were worked on and how they fared."""

    phase: Annotated[str | None, Field(description="Null: the batch named no phase.")]
    first_at: datetime
    last_at: datetime
    counts: PatchCounts


class DayReport(Contract):
    """The patches first recorded on one UTC day."""

    day: date
    counts: PatchCounts


class OperationCount(Contract):
    """How many patches were of one operation."""

    op: str
    patches: PositiveInt


class FileReport(Contract):
    """One file of one workspace, over all the patches of the order."""

    workspace: str
    path: str
    patches: PositiveInt
    added: Annotated[NonNegativeInt | None, Field(description="Lines added; null: a patch left no count or diff.")]
    removed: Annotated[NonNegativeInt | None, Field(description="Lines removed; null as for `added`.")]
    last_event: PatchEventName
    last_at: datetime


class PatchReport(Contract):
    """One patch: what it was, how its check ended, and where its diff lies."""

    patch_id: str
    batch_id: str | None
    workspace: str
    path: str
    op: str
    phase: str | None
    requester: str
    task_id: str | None
    outcome: CheckOutcome
    reverted: bool
    last_event: PatchEventName
    first_at: datetime
    last_at: datetime
    added: NonNegativeInt | None
    removed: NonNegativeInt | None
    diff_path: str | None
    error: str | None


class TestCounts(Contract):
    """How many tests there were on one side of a validation; null where the run did not say."""

    __test__ = False  # a model, though pytest collects classes by this name

    total: NonNegativeInt | None = None
    passed: NonNegativeInt | None = None
    failed: NonNegativeInt | None = None


class ValidationReport(Contract):
    """The verdict of a task on a repository: a validation has tests on both sides, a test run has `after` alone."""

    verdict: str
    explanation: str = ""
    before: TestCounts | None = None
    after: TestCounts | None = None


class TaskRunReport(Contract):
    """One task request of the order and the Dagster run that carried it out."""

    task_id: str
    pathway: str
    status: TaskStatus
    dagster_run_id: str | None
    attempt: PositiveInt
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    validation: ValidationReport | None


class MigrationReport(Contract):
    """One STAGING unit that was migrated under the order."""

    unit: str
    target_root: str
    status: str
    files: Annotated[NonNegativeInt | None, Field(description="Files planned or written; null: not planned yet.")]
    check: CheckOutcome
    check_message: Annotated[str | None, Field(description="What the check said, in one sentence.")]
    error: str | None
    updated_at: datetime


class ErrorCount(Contract):
    """One error message and how many patches ended with it."""

    error: str
    patches: PositiveInt


class CustodyReport(Contract):
    """Whether one workspace's hash chain, which holds this order's events, is unbroken."""

    workspace: str
    intact: bool
    problem: Annotated[str | None, Field(description="The first broken link; null when the chain is intact.")]


class NumberSource(Contract):
    """Where a number of the report comes from: the rows, and the rule that counts them."""

    number: str
    source: str


class DeliveryReport(Contract):
    """All that one order delivered. A number's rule is in `sources`; instants are UTC."""

    schema_version: Literal[1] = 1
    order_id: str
    generated_at: datetime
    request: DeliveryRequest
    first_at: datetime | None
    last_at: datetime | None
    totals: PatchCounts
    phases: list[PhaseReport]
    days: list[DayReport]
    operations: list[OperationCount]
    files: list[FileReport]
    patches: list[PatchReport]
    task_runs: list[TaskRunReport]
    migrations: list[MigrationReport]
    ops_issues: Annotated[NonNegativeInt, Field(description="Ops issues whose run id is one of the task runs'.")]
    errors: list[ErrorCount]
    custody: list[CustodyReport]
    sources: list[NumberSource]


def delivery_report_schema() -> dict[str, Any]:
    """Return the JSON Schema of the report's JSON form, for those who read it in other languages."""
    return DeliveryReport.model_json_schema(by_alias=True, mode="serialization")
