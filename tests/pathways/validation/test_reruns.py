"""Which tests are flaky, by what further runs of the code on which they failed show."""

from collections.abc import Iterator, Sequence

from repo_agent_dagster.pathways.suites.testrun import TestCase, TestRun
from repo_agent_dagster.pathways.validation.reruns import Reruns, Run, find_flaky


def runs(*outcomes: str) -> tuple[Run, list[list[str] | None]]:
    """Runs of one test `a` after each other (`+` passed, `-` failed, `?` not there), and what they were asked for."""
    coming: Iterator[str] = iter(outcomes)
    asked: list[list[str] | None] = []

    def run(only: Sequence[str] | None) -> TestRun:
        asked.append(None if only is None else list(only))
        outcome = next(coming)
        cases = () if outcome == "?" else (TestCase("a", "passed" if outcome == "+" else "failed"),)
        return TestRun("pytest", int(outcome == "-"), False, 1.0, cases, "junit")

    return run, asked


def flaky_after(*outcomes: str, times: int = 2) -> tuple[Reruns, list[list[str] | None]]:
    run, asked = runs(*outcomes)
    return find_flaky(frozenset({"a"}), times, run), asked


def test_a_test_that_fails_each_time_is_not_flaky() -> None:
    assert flaky_after("-", "-") == (Reruns(frozenset(), 2), [["a"], ["a"]])


def test_a_test_that_passes_once_is_flaky() -> None:
    assert flaky_after("-", "+") == (Reruns(frozenset({"a"}), 2), [["a"], ["a"]])


def test_a_test_that_passes_alone_and_fails_together_is_not_flaky() -> None:
    assert flaky_after("+", "+", "-") == (Reruns(frozenset(), 3), [["a"], ["a"], None])


def test_a_test_that_passes_alone_and_together_is_flaky() -> None:
    assert flaky_after("+", "+", "+") == (Reruns(frozenset({"a"}), 3), [["a"], ["a"], None])


def test_a_test_that_is_not_there_any_more_counts_as_failed() -> None:
    assert flaky_after("?", "?")[0].flaky == frozenset()


def test_nothing_is_run_for_nothing() -> None:
    run, asked = runs()

    assert find_flaky(frozenset(), 2, run) == Reruns(frozenset(), 0)
    assert find_flaky(frozenset({"a"}), 0, run) == Reruns(frozenset(), 0)
    assert asked == []
