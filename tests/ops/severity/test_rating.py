"""The severity table, rule by rule; floors; trends by their numbers."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.logs import FAILURE_LEVELS
from repo_agent_dagster.contracts.ops import CauseName, IssueStatus, Trend
from repo_agent_dagster.ops.analysis.causes import Cause
from repo_agent_dagster.ops.analysis.model import History
from repo_agent_dagster.ops.rule_files import RulesBroken
from repo_agent_dagster.ops.severity.contract import severity_rules
from repo_agent_dagster.ops.severity.rating import Severity, rate
from repo_agent_dagster.ops.severity.spread import note_spread
from repo_agent_dagster.ops.severity.table import as_markdown
from tests.ops.failures import failure, incident

KNOWN = History(daily_counts=(1, 1, 1, 1, 1, 1, 1), scanned_days=7, status=IssueStatus.OPEN)


def because(name: str) -> Cause:
    return Cause(CauseName(name), "so it is", 0.9)


def rated(
    text: str = "boom", history: History = KNOWN, cause: str = "unknown", *, exception: str | None = None, **fields: Any
) -> Severity:
    seen = failure(text, kind=fields.pop("kind", "build"), level=fields.pop("level", "error"), exception=exception)
    return rate(incident(seen, **fields), history, because(cause))


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        (2, {"level": "fatal"}),
        (3, {"level": "error"}),
        (4, {"level": "warn", "count": 2}),
        (4, {"level": "info", "count": 2}),
        (5, {"level": "warn"}),
        (2, {"kind": "worker", "outcomes": {"exceededCpu"}}),
        (3, {"kind": "worker", "outcomes": {"exception"}}),
        (2, {"cause": "oom"}),
        (2, {"cause": "disk"}),
        (2, {"exception": "app.db.PageCorruptError"}),
        (2, {"text": "Segmentation fault (core dumped)"}),
        (3, {"count": 99, "history": History((90,) * 7, 7, IssueStatus.OPEN)}),
        (2, {"count": 100, "history": History((90,) * 7, 7, IssueStatus.OPEN)}),
        (4, {"level": "warn", "count": 999, "history": History((990,) * 7, 7, IssueStatus.OPEN)}),
        (3, {"level": "warn", "count": 1000, "history": History((990,) * 7, 7, IssueStatus.OPEN)}),
        (2, {"count": 30}),
        (2, {"history": History((), 7, IssueStatus.RESOLVED)}),
        (2, {"place_count": 3}),
        (3, {"place_count": 2}),
        (2, {"run_count": 5, "job_runs": 10}),
        (3, {"run_count": 5, "job_runs": 11}),
        (3, {"run_count": 5, "job_runs": 0}),
        (2, {"on_default_branch": True}),
        (3, {"kind": "worker", "on_default_branch": True}),
        (4, {"level": "warn", "count": 2, "on_default_branch": True}),
        (2, {"in_deploy": True}),
        (1, {"in_deploy": True, "on_default_branch": True}),
        (4, {"in_pull_request": True}),
        (2, {"in_pull_request": True, "on_default_branch": True}),
        (4, {"cause": "lint"}),
        (5, {"cause": "lint", "in_pull_request": True}),
        (4, {"passed_on_retry": True}),
        (1, {"level": "fatal", "count": 5000, "in_deploy": True, "on_default_branch": True, "place_count": 9}),
    ],
)
def test_the_severity_of_an_incident(expected: int, given: dict[str, Any]) -> None:
    assert rated(**given).value == expected


@pytest.mark.parametrize(
    ("floor", "given"),
    [
        (2, {"text": "index may be stale: data lost in table orders"}),
        (2, {"text": "leaks found: 3"}),
        (2, {"text": "the token was leaked to the log", "level": "warn"}),
        (2, {"in_deploy": True, "on_default_branch": True}),
        (3, {"cause": "missing_secret", "on_default_branch": True}),
        (3, {"cause": "missing_secret", "in_deploy": True}),
        (3, {"cause": "missing_secret", "kind": "worker"}),
        (3, {"level": "fatal"}),
        (5, {}),
    ],
)
def test_a_floor_holds_whatever_speaks_for_less(floor: int, given: dict[str, Any]) -> None:
    found = rated(**{"passed_on_retry": True, **given})

    assert found.floor == floor
    assert found.value <= floor


def test_every_step_has_its_reason() -> None:
    found = rated(on_default_branch=True, in_deploy=True, passed_on_retry=True)

    assert found.reasons == (
        "level error: 3",
        "on the default branch: -1",
        "in a deploy step: -1",
        "a later attempt passed: +1",
    )


def test_a_floor_that_changed_the_value_is_a_reason() -> None:
    found = rated("leaks found: 3", level="warn")

    assert found.reasons == ("level warn: 4", "a warning seen once: +1", "a secret may have been exposed: at least 2")


@pytest.mark.parametrize(
    ("trend", "count", "history", "passed"),
    [
        (Trend.NEW, 1, History(scanned_days=7), False),
        (Trend.NEW, 500, History(), False),
        (Trend.REGRESSION, 1, History(scanned_days=7, status=IssueStatus.RESOLVED), False),
        (Trend.REGRESSION, 1, History(scanned_days=7, status=IssueStatus.CLOSED), False),
        (Trend.FLAKY, 1, History(scanned_days=7, status=IssueStatus.RESOLVED), True),
        (Trend.FLAKY, 1, History(scanned_days=7), True),
        (Trend.FLAKY, 1, History((1, 0, 1), 7, IssueStatus.OPEN, flaky_days=2), False),
        (Trend.STEADY, 1, History((1, 0, 1), 7, IssueStatus.OPEN, flaky_days=1), False),
        (Trend.SURGING, 12, History((4, 4, 4, 4, 4, 4, 4), 7, IssueStatus.OPEN), False),
        (Trend.STEADY, 11, History((4, 4, 4, 4, 4, 4, 4), 7, IssueStatus.OPEN), False),
        (Trend.STEADY, 9, History((1, 1, 1), 7, IssueStatus.OPEN), False),
        (Trend.SURGING, 12, History((4, 4, 4), 3, IssueStatus.OPEN), False),
        (Trend.STEADY, 12, History((4, 4), 2, IssueStatus.OPEN), False),
        (Trend.SURGING, 10, History((), 5, IssueStatus.TRIAGED), False),
    ],
)
def test_the_trend_by_its_numbers(trend: Trend, count: int, history: History, passed: bool) -> None:
    found = rated(count=count, history=history, passed_on_retry=passed)

    assert found.trend is trend
    assert found.trend_reason


def test_the_same_in_several_places_is_noted_on_each() -> None:
    def seen(name: str, text: str) -> Any:
        one = failure(text)
        return incident(one, place=type(one.place)("build", name))

    found = [seen("org/a", "boom"), seen("org/b", "boom"), seen("org/b", "boom"), seen("org/b", "other")]

    note_spread(found)

    assert [one.place_count for one in found] == [2, 2, 2, 1]


@given(
    level=st.sampled_from([level.value for level in FAILURE_LEVELS]),
    kind=st.sampled_from(["worker", "build"]),
    cause=st.sampled_from([cause.value for cause in CauseName]),
    count=st.integers(1, 10**9),
    flags=st.lists(st.booleans(), min_size=4, max_size=4),
    status=st.sampled_from([None, *IssueStatus]),
    text=st.text(max_size=60),
)
def test_a_severity_is_always_within_one_and_five_and_its_floor(
    level: str, kind: str, cause: str, count: int, flags: list[bool], status: IssueStatus | None, text: str
) -> None:
    names = ("on_default_branch", "in_pull_request", "in_deploy", "passed_on_retry")
    history = History((1, 2), 5, status)

    found = rated(text, history, cause, level=level, kind=kind, count=count, **dict(zip(names, flags, strict=True)))

    assert 1 <= found.value <= found.floor <= 5
    assert found.reasons[0].startswith("level ")


def test_a_file_of_ones_own_takes_the_place_of_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        "base: {fatal: 1, error: 4, warn: 5}\nrules:\n- {because: it is the shop, up: 2, when: [{says: [the shop]}]}\n"
    )

    found = rate(incident(failure("The Shop is down")), KNOWN, because("unknown"), severity_rules(path))

    assert (found.value, found.reasons) == (2, ("level error: 4", "it is the shop: -2"))


BASE = "base: {fatal: 1, error: 3, warn: 4}\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("base: {fatal: 1}", "base lacks warn, error"),
        ("base: {fatal: 9, error: 3, warn: 4}", "base.fatal"),
        ("{", "no YAML"),
        (f"{BASE}rules: [{{because: x, when: [{{least_count: 2}}]}}]", "exactly one of up"),
        (f"{BASE}rules: [{{because: x, up: 1, when: [{{}}]}}]", "at least one condition"),
        (f"{BASE}rules: [{{because: x, up: 1, when: [{{matches: ['(abc']}}]}}]", "expression"),
        (f"{BASE}rules: [{{because: x, up: 1, when: [{{says: [Boom]}}]}}]", "lower case"),
        (f"{BASE}bees: 1", "bees"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(content)

    with pytest.raises(RulesBroken, match=told) as caught:
        severity_rules(path)

    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(RulesBroken, match="cannot be read"):
        severity_rules(tmp_path / "none.yaml")


def test_the_page_shows_the_rules_as_they_are() -> None:
    page = (Path(__file__).parents[3] / "docs/ops-analysis.md").read_text()

    assert as_markdown(severity_rules()) in page, as_markdown(severity_rules())
