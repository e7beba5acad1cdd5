"""The verdict on a test task, and the reasons for it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.contracts.testing import TestingVerdict
from repo_agent_dagster.pathways.testing.runs import State, SuiteRuns

_NAMED = 5
_WEIGHTIEST: tuple[tuple[State, TestingVerdict], ...] = (
    ("failed", TestingVerdict.FAILED),
    ("timed_out", TestingVerdict.TIMED_OUT),
    ("not_run", TestingVerdict.SETUP_FAILED),
    ("untrusted", TestingVerdict.UNTRUSTED),
    ("flaky", TestingVerdict.FLAKY),
)


@dataclass(frozen=True)
class Judgement:
    """The verdict and its reasons, the weightiest first."""

    verdict: TestingVerdict
    reasons: tuple[str, ...]


def judge(setup: SetupSummary, suites: Sequence[SuiteRuns], *, remarks: Sequence[str] = ()) -> Judgement:
    """Return what the suites' runs come to. `remarks` are told after the reasons.

    One failing test fails the task, whatever else could not be told; `passed` needs at least one test that was carried
    out and a believable report of every suite that was run.
    """
    if not setup.ok:
        return Judgement(
            TestingVerdict.SETUP_FAILED, (f"What the tests need could not be installed: {setup.note}", *remarks)
        )
    # A suite that belongs whole to another shard was left out on purpose.
    counted = [one for one in suites if one.runs or one.suite.missing]
    states = {one.state for one in counted}
    for state, verdict in _WEIGHTIEST:
        if state in states:
            reasons = [_reason(one) for each, _ in _WEIGHTIEST for one in counted if one.state == each == state]
            others = [_reason(one) for one in counted if one.state != state]
            return Judgement(verdict, (*reasons, *others, *remarks))
    if "passed" not in states:
        why = [_reason(one) for one in suites] or ["No suite of tests was found to run."]
        return Judgement(TestingVerdict.NO_TESTS, (*why, *remarks))
    return Judgement(TestingVerdict.PASSED, (*[_reason(one) for one in counted], *remarks))


def _reason(one: SuiteRuns) -> str:
    name, runs = one.suite.name, one.runs
    if one.state == "not_run":
        return f"{name} was not run: {one.note}."
    if one.state == "failed":
        told = _tests(one.failing) if one.failing else f"the command ended with exit code {runs[-1].exit_code}"
        of = f" of {len(runs[0].cases)}" if one.failing else ""
        return f"{name}: {len(one.failing)}{of} failed: {told}." if one.failing else f"{name}: {told}."
    if one.state == "timed_out":
        return f"{name} did not end within {runs[-1].duration_seconds:.0f} s and was stopped."
    if one.state == "untrusted":
        doubts = [doubt for run in runs for doubt in run.doubts]
        return f"{name} cannot be believed: {doubts[0] if doubts else 'it left no report that shows a test'}."
    if one.state == "no_tests":
        skipped = runs[0].count("skipped")
        return f"{name}: no test ran; " + (f"all {skipped} were skipped." if skipped else "the runner found none.")
    if one.state == "flaky":
        return f"{name}: {len(one.flaky)} failed in some of {len(runs)} runs and passed in others: {_tests(one.flaky)}."
    skipped = runs[0].count("skipped")
    rest = f", {skipped} skipped" if skipped else ""
    often = f" in each of {len(runs)} runs" if len(runs) > 1 else ""
    return f"{name}: {runs[0].count('passed')} passed{often}{rest}."


def _tests(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"{', '.join(ids[:_NAMED])}{more}"
