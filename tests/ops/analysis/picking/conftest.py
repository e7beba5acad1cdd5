"""A log read and searched for its failures, as `repo-agent ops explain` does it."""

from collections.abc import Callable
from textwrap import dedent

import pytest

from repo_agent_dagster.ops.analysis import blocks
from repo_agent_dagster.ops.analysis.model import Failure, Place
from repo_agent_dagster.ops.analysis.picking import failures_of, text_log

PLACE = Place("build", "acme/shop", "CI", "test")


@pytest.fixture
def explain() -> Callable[..., tuple[Failure, ...]]:
    """Return the failures of a text, beside the text of a passing log where one is given."""

    def read(text: str, green: str | None = None) -> tuple[Failure, ...]:
        passed = text_log(dedent(green), PLACE, "test") if green is not None else None
        return failures_of(text_log(dedent(text), PLACE, "test"), passed)

    return read


@pytest.fixture(autouse=True)
def no_reader_breaks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test fail where a reader of failure blocks broke: outside of tests that is told in a log line only."""

    def told(message: str, *parts: object) -> None:
        raise AssertionError(message % parts)

    if "test_broken_readers" not in request.node.nodeid:
        monkeypatch.setattr(blocks._log, "exception", told)
