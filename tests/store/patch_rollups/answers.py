"""All that a range can be asked, read once from what is counted ahead and once from the events."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.contracts.reports import UNATTRIBUTED
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_rollups import Dimension, PatchReading, direct
from repo_agent_dagster.store.patch_rollups.dimensions import split_file_key


@dataclass(frozen=True)
class Answers:
    """The numbers of one range, in a form that can be compared."""

    days: dict[Any, Any]
    weeks: dict[Any, Any]
    groups: dict[Any, Any]
    errors: list[tuple[str, int]]
    latency: list[Any]


def read(conn: Connection, period: UtcRange) -> Answers:
    """Ask what is counted ahead."""
    reading = PatchReading.of(conn, period)
    groups: dict[Any, Any] = {}
    for dimension in Dimension:
        found = reading.counts_by(dimension)
        assert found.left_out == 0
        groups[dimension] = [(row.workspace, row.key, row.counts) for row in found.rows]
    found_errors = reading.errors(1000)
    assert found_errors.others == 0
    return Answers(
        reading.by_day(),
        reading.by_week(),
        groups,
        [(row.error, row.patches) for row in found_errors.rows],
        reading.latency(),
    )


def ask_events(conn: Connection, period: UtcRange) -> Answers:
    """Ask the events, by the direct queries."""
    errors = direct.errors(conn, period)
    return Answers(
        direct.by_day(conn, period),
        direct.by_week(conn, period),
        {dimension: _ranked(dimension, direct.counts_by(conn, dimension, period)) for dimension in Dimension},
        sorted(errors.items(), key=lambda item: (-item[1], item[0])),
        direct.latency(conn, period),
    )


def assert_equal(store: Engine, period: UtcRange) -> None:
    """Hold what is read to what the events say, in one transaction."""
    with read_transaction(store) as conn:
        found, expected = read(conn, period), ask_events(conn, period)
    assert found.days == expected.days
    assert found.weeks == expected.weeks
    assert found.groups == expected.groups
    assert found.errors == expected.errors
    for ours, exact in zip(found.latency, expected.latency, strict=True):
        assert (ours.step, ours.patches) == (exact.step, exact.patches)
        assert (ours.mean_seconds, ours.p95_seconds) == (
            None if exact.mean_seconds is None else pytest.approx(exact.mean_seconds),
            None if exact.p95_seconds is None else pytest.approx(exact.p95_seconds, rel=0.025),
        )


def _ranked(dimension: Dimension, groups: dict[str, Any]) -> list[Any]:
    ranked = sorted(groups.items(), key=lambda item: (-item[1].total, item[0]))
    return [(*_named(dimension, key), counts) for key, counts in ranked]


def _named(dimension: Dimension, key: str) -> tuple[str | None, str | None]:
    if dimension is Dimension.FILE:
        return split_file_key(key)
    if dimension is Dimension.ORDER and not key:
        return None, UNATTRIBUTED
    return None, key or None
