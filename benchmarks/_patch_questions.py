"""The eight questions that every contender answers of a range, and whether two answers are the same.

By day, week, factory, operation, phase and order: how many patches, by outcome, and when the first and the last began;
the ten most frequent errors; and how long patches took from step to step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

GROUPS = ("day", "week", "factory", "operation", "phase", "order")
QUESTIONS = (*GROUPS, "errors", "latency")
STEPS = {
    "requested_applied": ("requested_at", "applied_at"),
    "applied_validated": ("applied_at", "validated_at"),
    "requested_validated": ("requested_at", "validated_at"),
}
TOP = 10
P95_TOLERANCE = 0.03
"""Ours is read off a histogram that is exact to 2.5 %; between two patches of the peers lies a little more."""


class Period(NamedTuple):
    """A half-open range of instants in UTC."""

    start: datetime
    end: datetime


class Counted(NamedTuple):
    """The patches of one group; a group without a name has the key None."""

    total: int
    ok: int
    failed: int
    unchecked: int
    reverted: int
    refused: int
    first_at: datetime
    last_at: datetime


class Taken(NamedTuple):
    """How long one step took, in seconds."""

    patches: int
    mean: float
    p95: float


@dataclass
class Answer:
    """What one contender said, question by question."""

    groups: dict[str, Mapping[str | None, Counted]] = field(default_factory=dict)
    errors: list[tuple[str, int]] = field(default_factory=list)
    latency: dict[str, Taken] = field(default_factory=dict)


def instant(value: datetime | str) -> datetime:
    """Read an instant as any of the databases returns it."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def counted(rows: list[tuple[Any, ...]]) -> dict[str | None, Counted]:
    """Make rows of key, counts, first and last to an answer."""
    found: dict[str | None, Counted] = {}
    for key, total, ok, failed, unchecked, reverted, refused, first_at, last_at in rows:
        counts = (int(total), int(ok), int(failed), int(unchecked), int(reverted), int(refused))
        found[None if key is None else str(key)] = Counted(*counts, instant(first_at), instant(last_at))
    return found


def differences(name: str, one: Answer, other: Answer) -> list[str]:
    """Return in what two answers differ, a sentence each; none when they are the same."""
    found = []
    for group in GROUPS:
        mine, theirs = one.groups[group], other.groups[group]
        for key in sorted(mine.keys() | theirs.keys(), key=str):
            if mine.get(key) != theirs.get(key):
                found.append(f"{name}: {group} {key}: {mine.get(key)} is not {theirs.get(key)}")
    if [n for _, n in one.errors] != [n for _, n in other.errors] or _surely(one.errors) != _surely(other.errors):
        found.append(f"{name}: errors {one.errors} are not {other.errors}")
    for step in one.latency.keys() | other.latency.keys():
        mine_took, their_took = one.latency.get(step), other.latency.get(step)
        if mine_took is None or their_took is None or not _alike(mine_took, their_took):
            found.append(f"{name}: {step}: {mine_took} is not {their_took}")
    return found


def _surely(errors: list[tuple[str, int]]) -> dict[str, int]:
    """Leave out those that others equal in number might have taken the place of."""
    return {text: n for text, n in errors if n > errors[-1][1]}


def _alike(one: Taken, other: Taken) -> bool:
    return (
        one.patches == other.patches
        and abs(one.mean - other.mean) <= 0.001 * max(1.0, other.mean)
        and abs(one.p95 - other.p95) <= P95_TOLERANCE * other.p95
    )
