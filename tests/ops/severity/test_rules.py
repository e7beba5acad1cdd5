"""The severity table, rule by rule."""

from typing import Any

import pytest

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.severity.rules import severity
from tests.ops.incident_records import incident, record


@pytest.mark.parametrize(
    ("expected", "level", "kind", "count", "message", "meta"),
    [
        (2, "fatal", "worker", 1, "boom", None),
        (3, "error", "worker", 1, "boom", None),
        (4, "warn", "worker", 2, "slow", None),
        (5, "warn", "worker", 1, "slow", None),
        (3, "error", "worker", 99, "boom", None),
        (2, "error", "worker", 100, "boom", None),
        (4, "warn", "worker", 999, "slow", None),
        (3, "warn", "worker", 1000, "slow", None),
        (2, "error", "worker", 1, "worker ended", {"outcome": "exceededCpu"}),
        (3, "error", "worker", 1, "worker ended", {"outcome": "exception"}),
        (2, "error", "worker", 1, "JavaScript heap out of memory", None),
        (1, "fatal", "worker", 1, "write failed: No space left on device", None),
        (3, "error", "worker", 1, "boom", {"branch": "main"}),
        (3, "error", "build", 1, "boom", {"branch": "feature/x"}),
        (2, "error", "build", 1, "boom", {"branch": "main"}),
        (2, "error", "build", 1, "boom", {"branch": "release", "default_branch": True}),
        (2, "error", "build", 1, "boom", {"job": "Deploy to production"}),
        (1, "error", "build", 1, "boom", {"branch": "main", "deploy": True}),
        (4, "warn", "build", 2, "deprecated", {"branch": "main", "deploy": True}),
        (1, "fatal", "build", 5000, "data corrupted", {"branch": "main", "deploy": True}),
    ],
)
def test_the_severity_of_an_incident(
    expected: int, level: str, kind: LogKind, count: int, message: str, meta: dict[str, Any] | None
) -> None:
    rated = severity(incident(*[record(message, level, kind, meta=meta)] * count))

    assert rated.value == expected


def test_every_step_has_its_reason() -> None:
    rated = severity(incident(record("boom", kind="build", meta={"branch": "main", "step": "deploy"})))

    assert rated.reasons == ("level error: 3", "on the default branch: -1", "in a deploy step: -1")


def test_the_worst_level_of_an_incident_counts() -> None:
    assert severity(incident(record("boom", "warn"), record("boom", "fatal"), record("boom", "error"))).value == 2
