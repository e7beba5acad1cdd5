"""The verdict, as a table: what was seen before the patch and after it, and what that proves."""

from collections.abc import Sequence

import pytest

from repo_agent_dagster.contracts.validation import Verdict
from repo_agent_dagster.pathways.suites.testrun import Outcome, TestCase, TestRun
from repo_agent_dagster.pathways.validation.verdict import WHOLE_RUN, Judgement, judge

_OUTCOMES: dict[str, Outcome] = {"+": "passed", "-": "failed", "!": "error", "s": "skipped"}


def report(*cases: str, exit_code: int | None = None) -> TestRun:
    """A run with a report, e.g. ``report("+a", "-b")``: a passed, b failed.

    A name that ends in ``.py`` is a whole file. The exit code follows from the cases unless it is given.
    """
    read = tuple(TestCase(case[1:], _OUTCOMES[case[0]], is_file=case.endswith(".py")) for case in cases)
    red = any(case.outcome in ("failed", "error") for case in read)
    code = exit_code if exit_code is not None else int(red)
    return TestRun("pytest", code, timed_out=False, duration_seconds=1.0, cases=read, source="junit")


def bare(exit_code: int) -> TestRun:
    """A run that left no report."""
    return TestRun("make test", exit_code, False, 1.0, (), "exit_code", note="no JUnit report was left")


NOTHING = TestRun("pytest", 5, False, 0.1, (), "junit", nothing_to_run=True)
HUNG = TestRun("pytest", None, True, 600.0, (), "exit_code")


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        pytest.param(report("-a", "+b"), report("+a", "+b"), Verdict.FIXED, id="the failing test passes"),
        pytest.param(report("!a"), report("+a"), Verdict.FIXED, id="an error is repaired like a failure"),
        pytest.param(report("-a"), report("+a", "+new"), Verdict.FIXED, id="the patch adds a passing test"),
        pytest.param(report("-a", "+b"), report("+a", "sb"), Verdict.FIXED, id="a passing test is skipped now"),
        pytest.param(bare(1), bare(0), Verdict.FIXED, id="without reports the exit code decides"),
        pytest.param(
            report("!m.py"), report("+m.py::a"), Verdict.FIXED, id="a file that did not load loads and passes"
        ),
        pytest.param(bare(3), report("+a"), Verdict.FIXED, id="a crash before, a green report after"),
        pytest.param(report("-a", "-b"), report("+a", "-b"), Verdict.STILL_FAILING, id="one of two is repaired"),
        pytest.param(report("-a", "+b"), report("+b"), Verdict.STILL_FAILING, id="the failing test was removed"),
        pytest.param(
            report("-a", "+b"), report("sa", "+b"), Verdict.STILL_FAILING, id="the failing test is skipped now"
        ),
        pytest.param(report("-a"), report("!a"), Verdict.STILL_FAILING, id="a failure became an error"),
        pytest.param(bare(1), bare(2), Verdict.STILL_FAILING, id="the exit code stays red"),
        pytest.param(report("-a"), bare(0), Verdict.STILL_FAILING, id="no report after says nothing about the test"),
        pytest.param(
            report("!m.py"), report("-m.py::a", "+m.py::b"), Verdict.STILL_FAILING, id="a file loads but its test fails"
        ),
        pytest.param(
            report("!m.py"),
            report("+m.py::a", "-n.py::b"),
            Verdict.STILL_FAILING,
            id="a test that could not run before",
        ),
        pytest.param(bare(1), report("+a", "-b"), Verdict.STILL_FAILING, id="a crash became a failing test"),
        pytest.param(
            report("+a", exit_code=1), report("+a", exit_code=1), Verdict.STILL_FAILING, id="red without failing tests"
        ),
        pytest.param(report("-a", "+b"), report("+a", "-b"), Verdict.REGRESSED, id="another test breaks"),
        pytest.param(report("-a", "+b"), report("-a", "-b"), Verdict.REGRESSED, id="nothing repaired and one broken"),
        pytest.param(report("+a"), report("-a"), Verdict.REGRESSED, id="green before, red after"),
        pytest.param(report("-a"), report("+a", "-new"), Verdict.REGRESSED, id="the patch adds a failing test"),
        pytest.param(report("-a", "sb"), report("+a", "-b"), Verdict.REGRESSED, id="a skipped test fails now"),
        pytest.param(report("-a", "+b"), report(exit_code=4), Verdict.REGRESSED, id="the patch crashes the runner"),
        pytest.param(
            report("-a", "+b"), report("+a", "+b", exit_code=1), Verdict.REGRESSED, id="all pass but the command fails"
        ),
        pytest.param(report("+a"), report("+a"), Verdict.NOT_REPRODUCED, id="nothing failed before"),
        pytest.param(report("+a"), report("+a", "+new"), Verdict.NOT_REPRODUCED, id="a new test that passes at once"),
        pytest.param(bare(0), bare(0), Verdict.NOT_REPRODUCED, id="green exit codes"),
        pytest.param(NOTHING, NOTHING, Verdict.NO_TESTS, id="pytest collects nothing"),
        pytest.param(NOTHING, report("+new"), Verdict.NO_TESTS, id="the patch brings the first tests"),
        pytest.param(report("-a"), NOTHING, Verdict.NO_TESTS, id="the patch removes all tests"),
        pytest.param(report("-a"), report("sa"), Verdict.NO_TESTS, id="all are skipped after"),
        pytest.param(report("sa"), report("sa"), Verdict.NO_TESTS, id="all are always skipped"),
        pytest.param(HUNG, report("+a"), Verdict.TIMED_OUT, id="hung before"),
        pytest.param(report("-a"), HUNG, Verdict.TIMED_OUT, id="hangs after"),
        pytest.param(HUNG, HUNG, Verdict.TIMED_OUT, id="hangs on both sides"),
    ],
)
def test_the_verdict_follows_from_both_runs(before: TestRun, after: TestRun, verdict: Verdict) -> None:
    judgement = judge(before, after)

    assert judgement.verdict is verdict
    assert judgement.explanation.endswith((".", "time."))


def lists(judgement: Judgement) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    return judgement.fixed, judgement.still_failing, judgement.broken


def test_the_lists_name_the_tests_that_decided() -> None:
    judgement = judge(report("-a", "-b", "+c", "+d"), report("+a", "-b", "-c", "+d"))

    assert lists(judgement) == (("a",), ("b",), ("c",))
    assert "c now fails" in judgement.explanation
    assert "b failed before and does not pass now" in judgement.explanation
    assert "a failed before and passes now" in judgement.explanation


def test_a_removed_test_is_named_as_gone() -> None:
    judgement = judge(report("-a", "-x", "+b"), report("+b"))

    assert lists(judgement) == ((), ("a", "x"), ())
    assert "a, x are skipped or gone after the patch, which is no repair" in judgement.explanation


def test_a_crash_is_named_as_the_command_as_a_whole() -> None:
    judgement = judge(report("+a"), report(exit_code=137))

    assert lists(judgement) == ((), (), (WHOLE_RUN,))


def test_a_test_reported_twice_counts_by_its_worst_outcome() -> None:
    judgement = judge(report("-a"), report("+a", "-a", "+a"))

    assert judgement.verdict is Verdict.STILL_FAILING


def test_long_lists_are_cut_in_the_explanation_only() -> None:
    names = [f"t{number}" for number in range(8)]

    judgement = judge(report(*(f"-{name}" for name in names)), report(*(f"+{name}" for name in names)))

    assert len(judgement.fixed) == 8
    assert "t4 and 3 more failed before and pass now" in judgement.explanation


def test_a_verdict_by_exit_code_says_so() -> None:
    assert "exit code alone: no JUnit report was left" in judge(bare(1), bare(0)).explanation


def test_a_cured_hang_is_hinted_at() -> None:
    assert "it may cure a hang" in judge(HUNG, report("+a")).explanation
    assert "after the patch did not end within 600 s" in judge(report("-a"), HUNG).explanation
