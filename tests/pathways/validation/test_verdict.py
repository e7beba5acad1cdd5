"""The verdict, as a table: what was seen without the patch and with it, and what that proves."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.validation import ValidationVerdict as Verdict
from repo_agent_dagster.pathways.suites.testrun import Outcome, TestCase, TestRun
from repo_agent_dagster.pathways.validation.comparing import Comparison
from repo_agent_dagster.pathways.validation.verdict import Judgement, Runs, judge

_OUTCOMES: dict[str, Outcome] = {"+": "passed", "-": "failed", "!": "error", "s": "skipped"}


def report(*cases: str, exit_code: int | None = None, doubts: tuple[str, ...] = ()) -> TestRun:
    """A run with a report, e.g. ``report("+a", "-b")``: a passed, b failed.

    A name that ends in ``.py`` is a whole file. The exit code follows from the cases unless it is given.
    """
    read = tuple(TestCase(case[1:], _OUTCOMES[case[0]], is_file=case.endswith(".py")) for case in cases)
    red = any(case.outcome in ("failed", "error") for case in read)
    code = exit_code if exit_code is not None else int(red)
    return TestRun("pytest", code, False, 1.0, read, "junit", doubts=doubts)


def bare(exit_code: int) -> TestRun:
    """A run that left no report."""
    return TestRun("make test", exit_code, False, 1.0, (), "exit_code", note="no report was left")


NOTHING = TestRun("pytest", 5, False, 0.1, (), "junit", nothing_to_run=True)
HUNG = TestRun("pytest", None, True, 600.0, (), "exit_code")


def judged(before: TestRun, after: TestRun, tests_only: TestRun | None = None, **how: object) -> Judgement:
    return judge(Runs(before, tests_only, after), **how)  # type: ignore[arg-type]


def seen(judgement: Judgement) -> Comparison:
    assert judgement.comparison is not None
    return judgement.comparison


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        pytest.param(report("-a", "+b"), report("+a", "+b"), Verdict.FIXED, id="the failing test passes"),
        pytest.param(report("!a"), report("+a"), Verdict.FIXED, id="an error is repaired like a failure"),
        pytest.param(report("-a"), report("+a", "+new"), Verdict.FIXED, id="the patch adds a passing test"),
        pytest.param(report("-a", "+b"), report("+a", "sb"), Verdict.FIXED, id="a passing test is skipped now"),
        pytest.param(report("-a", "-b"), report("+a", "-b"), Verdict.FIXED, id="one of two is repaired"),
        pytest.param(
            report("!m.py"), report("+m.py::a"), Verdict.FIXED, id="a file that did not load loads and passes"
        ),
        pytest.param(
            report("!m.py"), report("+m.py::a", "-n.py::b"), Verdict.FIXED, id="a test that could not run before fails"
        ),
        pytest.param(report("-a", "+b"), report("+b"), Verdict.NO_EFFECT, id="the failing test was removed"),
        pytest.param(report("-a", "-b"), report("+a"), Verdict.NO_EFFECT, id="one repaired, one removed"),
        pytest.param(report("-a", "+b"), report("sa", "+b"), Verdict.NO_EFFECT, id="the failing test is skipped now"),
        pytest.param(report("-a"), report("!a"), Verdict.NO_EFFECT, id="a failure became an error"),
        pytest.param(report("!m.py"), report("-m.py::a"), Verdict.NO_EFFECT, id="a file loads but its test fails"),
        pytest.param(report("!m.py"), report("!m.py"), Verdict.NO_EFFECT, id="a file never loads"),
        pytest.param(report("+a"), report("+a"), Verdict.NO_EFFECT, id="nothing failed before"),
        pytest.param(report("+a"), report("+a", "+new"), Verdict.NO_EFFECT, id="a new test that passes at once"),
        pytest.param(report("-a", "+b"), report("+a", "-b"), Verdict.REGRESSED, id="another test breaks"),
        pytest.param(report("-a", "+b"), report("-a", "-b"), Verdict.REGRESSED, id="nothing repaired and one broken"),
        pytest.param(report("+a"), report("-a"), Verdict.REGRESSED, id="green before, red after"),
        pytest.param(report("-a"), report("+a", "-new"), Verdict.REGRESSED, id="the patch adds a failing test"),
        pytest.param(report("-a", "sb"), report("+a", "-b"), Verdict.REGRESSED, id="a skipped test fails now"),
        pytest.param(report("-m.py::a", "+m.py::b"), report("!m.py"), Verdict.REGRESSED, id="a file does not load now"),
        pytest.param(bare(1), bare(0), Verdict.UNTRUSTED, id="exit codes alone prove nothing"),
        pytest.param(bare(0), bare(0), Verdict.UNTRUSTED, id="nor do green ones"),
        pytest.param(bare(3), report("+a"), Verdict.UNTRUSTED, id="a crash before, a green report after"),
        pytest.param(report("-a"), bare(0), Verdict.UNTRUSTED, id="no report after"),
        pytest.param(report("-a", "+b"), report(exit_code=4), Verdict.UNTRUSTED, id="the patch crashes the runner"),
        pytest.param(report("-a"), report("+a", exit_code=1), Verdict.UNTRUSTED, id="all pass but the command fails"),
        pytest.param(
            report("-a"), report("-a", "+b", exit_code=0), Verdict.UNTRUSTED, id="a test fails and the command does not"
        ),
        pytest.param(
            report("-a"), report("+a", doubts=("it breaks off",)), Verdict.UNTRUSTED, id="the report is doubtful"
        ),
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
    judgement = judged(before, after)

    assert judgement.verdict is verdict, judgement.reasons
    assert all(reason.endswith((".", "time.")) for reason in judgement.reasons)


@pytest.mark.parametrize(
    ("before", "tests_only", "after", "verdict"),
    [
        pytest.param(
            report("+b"), report("+b", "-new"), report("+b", "+new"), Verdict.FIXED, id="its new test fails without it"
        ),
        pytest.param(
            report("+b"), report("+b", "+new"), report("+b", "+new"), Verdict.NO_EFFECT, id="its new test passes anyway"
        ),
        pytest.param(report("+a"), report("-a"), report("+a"), Verdict.FIXED, id="a sharpened test"),
        pytest.param(report("-a"), report("+a"), report("+a"), Verdict.NO_EFFECT, id="a failing test was rewritten"),
        pytest.param(report("+a"), report("-a"), report("-a"), Verdict.REGRESSED, id="a sharpened test, not met"),
        pytest.param(report("-a"), report("-a", "-new"), report("-a", "-new"), Verdict.NO_EFFECT, id="its test stays"),
        pytest.param(
            report("+m.py::old"), report("!m.py"), report("+m.py::old", "+m.py::new"), Verdict.FIXED,
            id="the test file needs the source to load",
        ),
        pytest.param(
            report("+m.py::old"), report("!m.py"), report("+m.py::old"), Verdict.NO_EFFECT,
            id="only old tests are in the file that needs the source",
        ),
        pytest.param(NOTHING, report("-new"), report("+new"), Verdict.FIXED, id="the patch brings the first tests"),
        pytest.param(report("+a"), HUNG, report("+a", "+new"), Verdict.TIMED_OUT, id="its tests hang without it"),
        pytest.param(report("+a"), bare(1), report("+a", "+new"), Verdict.UNTRUSTED, id="no report without its source"),
    ],
)  # fmt: skip
def test_tests_that_the_patch_brings_have_to_fail_without_its_source(
    before: TestRun, tests_only: TestRun, after: TestRun, verdict: Verdict
) -> None:
    judgement = judged(before, after, tests_only)

    assert judgement.verdict is verdict, judgement.reasons


def test_each_test_is_put_into_its_class() -> None:
    found = seen(
        judged(
            report("-a", "-b", "+c", "+d", "+e", "-f", "+g"),
            report("+a", "-b", "-c", "+d", "se", "+h", "-i"),
        )
    )

    assert found.fail_to_pass == ("a",)
    assert found.fail_to_fail == ("b", "f")
    assert found.pass_to_fail == ("c",)
    assert found.pass_to_pass == ("d",)
    assert found.pass_to_skip == ("e",)
    assert found.gone == ("f", "g")
    assert found.unseen == ("f",)
    assert found.new == ("h", "i")
    assert found.new_failing == ("i",)


def test_a_file_that_does_not_load_speaks_for_its_tests() -> None:
    found = seen(judged(report("+m.py::a", "-m.py::b", "+n.py::c"), report("!m.py", "+n.py::c")))

    assert found.pass_to_fail == ("m.py::a",)
    assert found.fail_to_fail == ("m.py::b",)
    assert found.pass_to_pass == ("n.py::c",)


def test_what_a_stopped_run_did_not_reach_is_not_called_gone() -> None:
    found = seen(judged(report("+m.py::a", "+n.py::b"), report("!m.py")))

    assert found.gone == ()
    assert found.unreached == ("n.py::b",)


def test_a_flaky_test_counts_neither_way() -> None:
    nothing_left = judged(report("-a", "+b"), report("+a", "-b"), flaky=frozenset({"a", "b"}))
    one_left = judged(report("-a", "-c", "+b"), report("+a", "+c", "-b"), flaky=frozenset({"a", "b"}))

    assert nothing_left.verdict is Verdict.NO_EFFECT
    assert "but by a flaky test" in nothing_left.reasons[0]
    assert one_left.verdict is Verdict.FIXED
    assert seen(one_left).flaky == ("a", "b")
    assert any("a, b failed and passed on the same code" in reason for reason in one_left.reasons)


@pytest.mark.parametrize(
    ("must_pass", "before", "after", "verdict"),
    [
        (["a"], report("-a", "-b"), report("+a", "-b"), Verdict.FIXED),
        (["a", "b"], report("-a", "-b"), report("+a", "-b"), Verdict.NO_EFFECT),
        (["m.py::a"], report("-m.py::a[1]", "-m.py::a[2]"), report("+m.py::a[1]", "-m.py::a[2]"), Verdict.NO_EFFECT),
        (["test_b"], report("-a", "+m.py::test_b"), report("+a", "sm.py::test_b"), Verdict.REGRESSED),
        (["m.py"], report("-a", "+m.py::b"), report("+a", "+m.py::b"), Verdict.FIXED),
        (["nowhere"], report("-a"), report("+a"), Verdict.NO_EFFECT),
    ],
)
def test_tests_that_must_pass_have_to(
    must_pass: Sequence[str], before: TestRun, after: TestRun, verdict: Verdict
) -> None:
    assert judged(before, after, must_pass=must_pass).verdict is verdict


def test_the_first_reason_names_what_decided() -> None:
    assert judged(report("-a", "-b"), report("+a", "-b")).reasons[0] == (
        "a failed without the patch's source and passes with it; no test that passed fails now."
        " b still fails, as before the patch."
    )
    assert judged(report("-a", "+c"), report("+a", "-c")).reasons[0] == (
        "The patch breaks what worked: c passed before and does not pass with the patch."
    )
    assert (
        "those that failed pass because the patch changed the tests"
        in (judged(report("-a"), report("+a"), report("+a")).reasons[0])
    )


def test_a_removed_test_is_named_as_no_repair() -> None:
    reasons = judged(report("-a", "-x", "+b"), report("+b")).reasons

    assert "a, x failed before and are skipped or gone with the patch, which is no repair." in reasons


def test_a_doubtful_run_is_told_with_what_was_seen() -> None:
    reasons = judged(bare(1), report("+a")).reasons

    assert reasons[0].startswith("The tests cannot be believed: before the patch, there is no report")
    assert reasons[-1] == (
        "What was seen, for what it is worth: before the patch: exit code 1, no report; "
        "with the patch: exit code 0, 1 passed, 0 failed."
    )


def test_a_test_reported_twice_counts_by_its_worst_outcome() -> None:
    assert judged(report("-a"), report("+a", "-a", "+a")).verdict is Verdict.NO_EFFECT


def test_long_lists_are_cut_in_the_reasons_only() -> None:
    names = [f"t{number}" for number in range(8)]

    judgement = judged(report(*(f"-{name}" for name in names)), report(*(f"+{name}" for name in names)))

    assert len(seen(judgement).fail_to_pass) == 8
    assert "t4 and 3 more failed without the patch's source and pass with it" in judgement.reasons[0]


def test_a_cured_hang_is_hinted_at() -> None:
    assert "it may cure a hang" in judged(HUNG, report("+a")).reasons[1]
    assert "with the patch did not end within 600 s" in judged(report("-a"), HUNG).reasons[0]


names = st.sampled_from(["m.py", "m.py::a", "m.py::b", "n.py", "n.py::a", "a", "b"])
cases = st.lists(st.tuples(st.sampled_from("+-!s"), names).map("".join), max_size=8)
runs = st.builds(
    lambda read, code: report(*read, exit_code=code), cases, st.sampled_from([None, None, None, 0, 1])
) | st.sampled_from([NOTHING, HUNG, bare(0), bare(1)])  # fmt: skip


@given(before=runs, tests_only=st.none() | runs, after=runs, flaky=st.frozensets(names, max_size=2))
def test_fixed_is_never_said_without_a_test_that_failed_and_passes(
    before: TestRun, tests_only: TestRun | None, after: TestRun, flaky: frozenset[str]
) -> None:
    judgement = judged(before, after, tests_only, flaky=flaky)

    if judgement.verdict is Verdict.FIXED:
        found = seen(judgement)
        assert found.fail_to_pass
        passed = {case.id for case in after.cases if case.outcome == "passed"}
        failing = {case.id for case in after.failing}
        assert set(found.fail_to_pass) <= passed - failing - flaky
        assert after.exit_code == 0 or after.failing
        green = {case.id for case in before.cases if case.outcome == "passed"} - {case.id for case in before.failing}
        assert not (green & failing) - flaky
        assert not any(run.timed_out or run.source == "exit_code" for run in (before, tests_only or after, after))


@given(before=runs, tests_only=st.none() | runs, after=runs)
def test_every_test_is_in_one_class_by_its_outcome(before: TestRun, tests_only: TestRun | None, after: TestRun) -> None:
    comparison = judged(before, after, tests_only).comparison
    if comparison is not None:
        outcomes = (
            *comparison.fail_to_pass, *comparison.pass_to_pass, *comparison.pass_to_fail, *comparison.fail_to_fail,
            *comparison.pass_to_skip, *comparison.new,
        )  # fmt: skip
        assert len(outcomes) == len(set(outcomes))
