"""The weekly digest: what all orders together brought in one ISO week, beside the week before.

Here belong only shapes and the rules that their fields state; `reports/digest/` fills them.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.patch_stats import DayCounts, OperationShare
from repo_agent_dagster.contracts.reports import ErrorCount, NumberSource, OpsIssueReport, PatchCounts, StepLatency


class FactoryWeek(Contract):
    """The patches of one factory, this week and the week before."""

    factory: str
    counts: PatchCounts
    before: PatchCounts


class PhaseWeek(Contract):
    """The patches of one phase, this week and the week before."""

    phase: Annotated[str | None, Field(description="Null: patches whose batch named no phase.")]
    counts: PatchCounts
    before: PatchCounts


class OrderWeek(Contract):
    """The patches of one order begun in the week, and where its delivery report is."""

    order_id: str
    counts: PatchCounts
    first_patch: datetime
    last_patch: datetime
    report_version: Annotated[
        PositiveInt | None, Field(description="Its current report when the digest was made; null: it had none.")
    ] = None
    report_page: Annotated[str | None, Field(description="That report's page, under the folder of reports.")] = None


class LatencyWeek(Contract):
    """One step's latency, this week and the week before."""

    now: StepLatency
    before: StepLatency


class OpsWeek(Contract):
    """The ops issues that were opened and those that were resolved in the week, the gravest first."""

    opened: list[OpsIssueReport]
    opened_total: NonNegativeInt
    resolved: list[OpsIssueReport]
    resolved_total: NonNegativeInt


class WeeklyDigest(Contract):
    """All orders' patches begun in [from_at, to_at): one ISO 8601 week, UTC. A number's rule is in `sources`."""

    schema_version: Literal[1] = 1
    week: Annotated[str, Field(pattern=r"^\d{4}-W\d{2}$", description="ISO 8601, e.g. 2026-W10.")]
    from_at: datetime
    to_at: datetime
    generated_at: datetime
    is_over: Annotated[bool, Field(description="Whether the week had ended when the digest was made.")]
    totals: PatchCounts
    before: Annotated[PatchCounts, Field(description="The totals of the week before.")]
    daily: list[DayCounts]
    factories: Annotated[list[FactoryWeek], Field(description="Most patches first.")]
    factories_left_out: NonNegativeInt = 0
    phases: Annotated[list[PhaseWeek], Field(description="Most patches first.")]
    phases_left_out: NonNegativeInt = 0
    operations: list[OperationShare]
    errors: Annotated[list[ErrorCount], Field(description="Most frequent first; each patch by its last error.")]
    other_errors: Annotated[NonNegativeInt, Field(description="Patches with an error that is not listed.")]
    latency: list[LatencyWeek]
    orders: Annotated[list[OrderWeek], Field(description="Most patches first.")]
    orders_left_out: NonNegativeInt = 0
    ops_issues: OpsWeek
    sources: list[NumberSource]


def weekly_digest_schema() -> dict[str, Any]:
    """Return the JSON Schema of the digest's JSON form, for those who read it in other languages."""
    return WeeklyDigest.model_json_schema(by_alias=True, mode="serialization")
