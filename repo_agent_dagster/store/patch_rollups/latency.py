"""How long patches took from step to step: a histogram of logarithms, which adds up over days.

A bucket spans 5 %, so its geometric middle is at most 2.5 % from any duration in it. The sum beside it is exact.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import ceil, floor, log

_GROWTH = 1.05
_LOG_GROWTH = log(_GROWTH)
NO_TIME = -1000
"""The bucket of durations that are zero, or negative because a clock was set back: they count as zero."""


class Step(StrEnum):
    """From which event of a patch to which."""

    REQUESTED_APPLIED = "requested_applied"
    APPLIED_VALIDATED = "applied_validated"
    REQUESTED_VALIDATED = "requested_validated"


@dataclass(frozen=True, slots=True)
class LatencySum:
    """How long patches took for a step, over those that made it. Times are in seconds; None when there is none."""

    step: Step
    patches: int
    mean_seconds: float | None
    p95_seconds: float | None


@dataclass(slots=True)
class Bucket:
    """The patches of one bucket, and the sum of their durations."""

    patches: int = 0
    milliseconds: int = 0


Histogram = defaultdict[int, Bucket]


def duration(begun_at: datetime | None, ended_at: datetime | None) -> float | None:
    """Return the seconds between two events of a patch, never less than zero; None without either of them."""
    if begun_at is None or ended_at is None:
        return None
    return max(0.0, (ended_at - begun_at).total_seconds())


def durations(
    requested_at: datetime | None, applied_at: datetime | None, validated_at: datetime | None
) -> list[tuple[Step, float]]:
    """Return the steps that a patch made and the seconds that they took, never less than zero."""
    ends = (
        (Step.REQUESTED_APPLIED, requested_at, applied_at),
        (Step.APPLIED_VALIDATED, applied_at, validated_at),
        (Step.REQUESTED_VALIDATED, requested_at, validated_at),
    )
    return [
        (step, seconds) for step, begun_at, ended_at in ends if (seconds := duration(begun_at, ended_at)) is not None
    ]


def histogram() -> Histogram:
    """Return a histogram without patches."""
    return defaultdict(Bucket)


def note(into: Histogram, seconds: float, weight: int) -> None:
    """Add a duration to a histogram, or take it away (weight -1)."""
    bucket = into[floor(log(seconds) / _LOG_GROWTH) if seconds > 0 else NO_TIME]
    bucket.patches += weight
    # In whole milliseconds, so that sums are the same however they are added up.
    bucket.milliseconds += weight * round(seconds * 1000)


def seconds_of(bucket: int) -> float:
    """Return the duration that stands for all of a bucket: its geometric middle."""
    return 0.0 if bucket <= NO_TIME else float(_GROWTH ** (bucket + 0.5))


def summed(step: Step, counted: Histogram) -> LatencySum:
    """Return what a histogram says: the mean to the millisecond, the 95th percentile (nearest rank) to 2.5 %."""
    patches = sum(bucket.patches for bucket in counted.values())
    if patches == 0:
        return LatencySum(step, 0, None, None)
    mean = sum(bucket.milliseconds for bucket in counted.values()) / patches / 1000
    rank, seen = ceil(0.95 * patches), 0
    for number in sorted(counted):
        seen += counted[number].patches
        if seen >= rank:
            return LatencySum(step, patches, mean, seconds_of(number))
    raise AssertionError("the rank is within the patches")


def exact(step: Step, durations: Iterable[float]) -> LatencySum:
    """Return the same of the durations themselves, in seconds, without a histogram."""
    ordered = sorted(durations)
    if not ordered:
        return LatencySum(step, 0, None, None)
    mean = sum(round(seconds * 1000) for seconds in ordered) / len(ordered) / 1000
    return LatencySum(step, len(ordered), mean, ordered[ceil(0.95 * len(ordered)) - 1])
