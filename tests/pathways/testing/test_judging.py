"""What the runs of suites come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.contracts.testing import TestingVerdict
from repo_agent_dagster.pathways.suites.detection import TestCommand
from repo_agent_dagster.pathways.suites.finding import Suite
from repo_agent_dagster.pathways.suites.testrun import OUTCOMES, TestCase, TestRun
from repo_agent_dagster.pathways.testing.runs import SuiteRuns, covered, run_label
from repo_agent_dagster.pathways.testing.verdict import judge

READY = SetupSummary(ok=True, ecosystem="python", commands=[], used_network=False, duration_seconds=0, note="")
COMMAND = TestCommand("python", ("pytest",), "pytest", "", "pytest")
SUITE = Suite("pytest", COMMAND, "backend", "unit")


def ran(*outcomes: str, code: int | None = None, doubts: tuple[str, ...] = (), source: str = "junit") -> TestRun:
    cases = tuple(TestCase(f"t.py::{number}", OUTCOMES[outcome]) for number, outcome in enumerate(outcomes))
    failed = any(outcome in ("failed", "error") for outcome in outcomes)
    return TestRun(
        command="pytest",
        exit_code=(1 if failed else 0) if code is None else code,
        timed_out=False,
        duration_seconds=1.0,
        cases=cases,
        source=source,  # type: ignore[arg-type]
        doubts=doubts,
        nothing_to_run=not cases and source != "exit_code",
    )


LATE = TestRun("pytest", None, True, 9.0, (TestCase("t.py::0", "passed"),), "junit")


@pytest.mark.parametrize(
    ("runs", "verdict", "said"),
    [
        ((ran("passed", "skipped"),), "passed", "pytest: 1 passed, 1 skipped."),
        ((ran("passed", "failed"),), "failed", "pytest: 1 of 2 failed: t.py::1."),
        ((ran("failed"), ran("failed")), "failed", "1 of 1 failed"),
        ((ran("failed"), ran("passed")), "flaky", "1 failed in some of 2 runs and passed in others: t.py::0."),
        ((ran("skipped"),), "no_tests", "no test ran; all 1 were skipped."),
        ((ran(code=5),), "no_tests", "no test ran; the runner found none."),
        ((LATE,), "timed_out", "did not end within 9 s"),
        (
            (ran("passed", doubts=("its report breaks off",)),),
            "untrusted",
            "cannot be believed: its report breaks off.",
        ),
        ((ran(source="exit_code"),), "untrusted", "it left no report that shows a test"),
        ((ran(source="exit_code", code=2),), "failed", "the command ended with exit code 2"),
        ((ran("failed", doubts=("x",)),), "failed", "1 of 1 failed"),
    ],
)
def test_the_verdict_on_one_suite(runs: tuple[TestRun, ...], verdict: str, said: str) -> None:
    judgement = judge(READY, [SuiteRuns(SUITE, runs)])

    assert judgement.verdict == verdict
    assert said in judgement.reasons[0]


def test_one_failing_suite_fails_the_task_and_is_named_first() -> None:
    good, bad = (
        SuiteRuns(SUITE, (ran("passed"),)),
        SuiteRuns(Suite("jest", COMMAND, "frontend", "unit"), (ran("failed"),)),
    )

    judgement = judge(READY, [good, bad], remarks=["By the way."])

    assert judgement.verdict is TestingVerdict.FAILED
    assert judgement.reasons == ("jest: 1 of 1 failed: t.py::0.", "pytest: 1 passed.", "By the way.")


def test_a_suite_whose_tool_is_missing_keeps_the_task_from_passing() -> None:
    missing = SuiteRuns(Suite("go", COMMAND, "backend", "unit", missing="go"), note="go is not in the image")

    assert judge(READY, [SuiteRuns(SUITE, (ran("passed"),)), missing]).verdict is TestingVerdict.SETUP_FAILED


def test_a_suite_of_another_shard_does_not_count() -> None:
    elsewhere = SuiteRuns(Suite("go", COMMAND, "backend", "unit"), note="it belongs to another shard")

    assert judge(READY, [SuiteRuns(SUITE, (ran("passed"),)), elsewhere]).verdict is TestingVerdict.PASSED
    assert judge(READY, [elsewhere]).verdict is TestingVerdict.NO_TESTS


def test_without_suites_there_are_no_tests_and_a_failed_set_up_says_why() -> None:
    broken = READY.model_copy(update={"ok": False, "note": "pip found nothing"})

    assert judge(READY, []).verdict is TestingVerdict.NO_TESTS
    assert judge(broken, []).verdict is TestingVerdict.SETUP_FAILED
    assert "pip found nothing" in judge(broken, []).reasons[0]


_RUNS = st.lists(
    st.builds(
        lambda outcomes, code, source: ran(*outcomes, code=code, source=source),
        st.lists(st.sampled_from(list(OUTCOMES)), max_size=3),
        st.sampled_from([None, 0, 1, 5]),
        st.sampled_from(["junit", "report", "exit_code"]),
    ),
    max_size=3,
)


@given(suites=st.lists(_RUNS, max_size=3))
def test_it_never_passes_without_a_test_that_passed_and_never_with_one_that_always_failed(
    suites: list[list[TestRun]],
) -> None:
    runs = [SuiteRuns(SUITE, tuple(one)) for one in suites]

    if judge(READY, runs).verdict is TestingVerdict.PASSED:
        cases = [case for one in suites for run in one for case in run.cases]
        assert any(case.outcome == "passed" for case in cases)
        assert not any(one.failing for one in runs)


def test_coverage_is_per_cent_of_all_lines_and_none_where_nothing_was_measured() -> None:
    assert covered({"a.py": {1: 1, 2: 0}, "b.py": {1: 3, 2: 1}}) == 75.0
    assert covered({}) is None


def test_a_long_name_is_cut_for_the_store_and_stays_its_own() -> None:
    names = [run_label(Suite(f"{'x' * 70}{end}", COMMAND, "backend", "unit"), 50) for end in "ab"]

    assert len(set(names)) == 2
    assert all(len(name) <= 64 and name.endswith(" run 50") for name in names)
