"""Patches counted over a range of time: what stats and trends answer, with the rule of every number.

A patch belongs to the instant of its first event, whatever happens to it later, so that groups add up.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.reports import ErrorCount, NumberSource, PatchCounts, StepLatency


class TrendGroup(StrEnum):
    """What trends are grouped by."""

    DAY = "day"
    WEEK = "week"
    PHASE = "phase"
    ORDER = "order"
    FACTORY = "factory"
    OPERATION = "operation"
    WORKSPACE = "workspace"
    FILE = "file"


class DayCounts(Contract):
    """The patches begun on one UTC day; days without patches are listed, too."""

    day: date
    counts: PatchCounts


class FactoryCounts(Contract):
    """The patches of one factory, which is who requested them."""

    factory: str
    counts: PatchCounts


class OperationShare(Contract):
    """How many patches of the range were of one operation, and which share of the range's patches (0–1)."""

    op: str
    patches: PositiveInt
    share: Annotated[float, Field(ge=0, le=1)]


class PatchStats(Contract):
    """The patches begun in [from_at, to_at), UTC."""

    from_at: datetime
    to_at: datetime
    totals: PatchCounts
    daily: list[DayCounts]
    factories: Annotated[list[FactoryCounts], Field(description="Most patches first.")]
    operations: Annotated[list[OperationShare], Field(description="Most used first; the shares add up to 1.")]
    errors: Annotated[list[ErrorCount], Field(description="Most frequent first; each patch by its last error.")]
    other_errors: Annotated[NonNegativeInt, Field(description="Patches with an error that is not listed.")]
    latency: list[StepLatency]
    sources: list[NumberSource]


class TrendRow(Contract):
    """One group's patches. `key` is an ISO day, an ISO week (2026-W10) or a name; null: the patches without one."""

    key: str | None
    workspace: Annotated[str | None, Field(description="Of a file; null in other groups.")] = None
    counts: PatchCounts
    first_patch: Annotated[datetime, Field(description="First event of the group's first patch in the range.")]
    last_patch: Annotated[datetime, Field(description="First event of the group's last patch in the range.")]
    duration_seconds: Annotated[NonNegativeFloat, Field(description="From the first patch to the last.")]


class PatchTrends(Contract):
    """The patches begun in [from_at, to_at) by group: time in its order, names by how many patches they have."""

    group: TrendGroup
    from_at: datetime
    to_at: datetime
    rows: list[TrendRow]
    left_out: Annotated[NonNegativeInt, Field(description="Groups beyond the limit.")] = 0
    sources: list[NumberSource]
