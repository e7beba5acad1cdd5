"""The delivery report: what an order asked for, what happened, and the proof, as one versioned JSON document.

Here belong only shapes and the counting rules that their fields state; `reports/build.py` fills them from the facts.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

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


class StepLatency(Contract):
    """How long patches took from one event to the next, over those that have both."""

    step: Annotated[str, Field(description="requested_applied, applied_validated or requested_validated.")]
    patches: NonNegativeInt
    mean_seconds: NonNegativeFloat | None
    p95_seconds: Annotated[
        NonNegativeFloat | None,
        Field(description="Of an order exact; of a range exact to 2.5 %, off a histogram that adds up over days."),
    ]


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


class FactoryReport(Contract):
    """The patches of one requester."""

    factory: str
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
    added: Annotated[
        NonNegativeInt | None,
        Field(description="Lines added by the patches in effect, added up; null: a patch left no count or diff."),
    ]
    removed: Annotated[NonNegativeInt | None, Field(description="Lines removed; null as for `added`.")]
    last_event: PatchEventName
    last_at: datetime
    before_sha256: Annotated[str | None, Field(description="The file before the order; null: there was none.")] = None
    after_sha256: Annotated[str | None, Field(description="The file after the order; null: there is none.")] = None
    final_diff: Annotated[
        str | None, Field(description="Unified diff from before the order to after it; null: see `diff_note`.")
    ] = None
    diff_note: Annotated[str | None, Field(description="Why there is no final diff, or that it was cut.")] = None


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


class CheckReport(Contract):
    """One run of a check on a batch: a batch fails only for what it adds to the findings that were there before."""

    check: str
    batch_id: str | None
    phase: str | None
    at: datetime
    outcome: CheckOutcome
    patches: PositiveInt
    before: Annotated[NonNegativeInt | None, Field(description="Findings before the batch; null: not recorded.")]
    after: Annotated[NonNegativeInt | None, Field(description="Findings after the batch; null: not recorded.")]
    added: Annotated[NonNegativeInt | None, Field(description="New findings: what the batch failed for.")]
    findings: Annotated[list[str], Field(description="The first of the new findings.")]


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
    dagster_run_url: Annotated[str | None, Field(description="The run in the Dagster UI.")] = None
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


class OpsIssueReport(Contract):
    """An ops issue that the order opened or closed."""

    id: str
    title: str
    severity: Annotated[int, Field(ge=1, le=5, description="1 is the most severe.")]
    status: str
    at: datetime
    url: Annotated[str | None, Field(description="The issue on GitHub.")]


class OpsIssuesReport(Contract):
    """Ops issues of the order, each list by time."""

    opened: Annotated[list[OpsIssueReport], Field(description="Found in one of the order's runs.")]
    closed: Annotated[list[OpsIssueReport], Field(description="Resolved by one of the order's tasks.")]


class ApprovalReport(Contract):
    """A gate of the order and what was decided at it."""

    subject: str | None
    source: str
    verdict: str
    rationale: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class ModelCost(Contract):
    """What the calls of one model came to."""

    model: str
    calls: PositiveInt
    tokens: NonNegativeInt
    cost_usd: Annotated[NonNegativeFloat, Field(description="Of the calls whose cost is known.")]
    calls_without_cost: NonNegativeInt
    seconds: NonNegativeFloat


class MomentReport(Contract):
    """One thing that happened, for the timeline."""

    at: datetime
    kind: Literal["patches", "task", "migration", "approval", "ops_issue"]
    text: str


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
    """Why a number is what it is: the rule that counts it, and the query that finds its rows again."""

    id: Annotated[str, Field(description="What links to it: the anchor is why-<id>.")]
    number: str
    rule: str
    query: Annotated[str | None, Field(description="SQL to run on the store; null: the rule names the rows.")] = None


class DeliveryReport(Contract):
    """All that one order delivered. A number's rule is in `sources`; instants are UTC."""

    schema_version: Literal[2] = 2
    order_id: str
    generated_at: datetime
    request: DeliveryRequest
    first_at: datetime | None
    last_at: datetime | None
    totals: PatchCounts
    latency: list[StepLatency]
    phases: list[PhaseReport]
    timeline: Annotated[list[MomentReport], Field(description="Oldest first.")]
    days: list[DayReport]
    operations: list[OperationCount]
    factories: list[FactoryReport]
    files: list[FileReport]
    patches: list[PatchReport]
    checks: list[CheckReport]
    task_runs: list[TaskRunReport]
    migrations: list[MigrationReport]
    ops_issues: OpsIssuesReport
    approvals: list[ApprovalReport]
    ai: Annotated[list[ModelCost], Field(description="Calls of models for the order's tasks; most expensive first.")]
    errors: list[ErrorCount]
    custody: list[CustodyReport]
    sources: list[NumberSource]


def delivery_report_schema() -> dict[str, Any]:
    """Return the JSON Schema of the report's JSON form, for those who read it in other languages."""
    return DeliveryReport.model_json_schema(by_alias=True, mode="serialization")
