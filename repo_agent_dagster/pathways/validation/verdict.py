"""Judge a patch by the tests before it and after it. Pure: two runs in, one judgement out."""

from dataclasses import dataclass

from repo_agent_dagster.contracts.validation import Verdict
from repo_agent_dagster.pathways.suites.testrun import Outcome, TestRun

WHOLE_RUN = "(the test command)"
"""Stands for the command as a whole where it failed without any test failing in its report."""

_NAMED_TESTS = 5
_SEVERITY: dict[Outcome, int] = {"skipped": 0, "passed": 1, "error": 2, "failed": 3}


@dataclass(frozen=True)
class Judgement:
    """The verdict, the tests that decided it, and one paragraph that says why."""

    verdict: Verdict
    explanation: str
    fixed: tuple[str, ...] = ()
    still_failing: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def judge(before: TestRun, after: TestRun) -> Judgement:
    """Compare the run before the patch with the run after it.

    `fixed` needs all of: something ran on both sides, something failed before, each of those tests passes now (one
    that was removed, renamed or skipped does not count), and nothing fails now that did not fail before.
    """
    late = [name for name, run in (("before", before), ("after", after)) if run.timed_out]
    if late:
        return Judgement(Verdict.TIMED_OUT, _explain_timeout(before, after, late))
    for name, run in (("before", before), ("after", after)):
        if not run.ran_something:
            return Judgement(Verdict.NO_TESTS, _explain_no_tests(name, run, before))

    was, now = _outcomes(before), _outcomes(after)
    was_failing = [test for test, outcome in was.items() if _fails(outcome)]
    fixed = [test for test in was_failing if _repaired(test, now)]
    still_failing = [test for test in was_failing if test not in set(fixed)]
    broken: list[str] = []
    unreached = before.broke_down or any(case.is_file for case in before.failing)
    for test, outcome in now.items():
        if not _fails(outcome) or _fails(was.get(test)):
            continue
        # Before, a file did not load (pytest then runs no test at all) or the run broke down: this test had no chance
        # to fail or to pass, so it is not the patch that broke it.
        unknown_before = test not in was and unreached
        (still_failing if unknown_before else broken).append(test)

    if broken:
        verdict = Verdict.REGRESSED
    elif still_failing:
        verdict = Verdict.STILL_FAILING
    elif not was_failing:
        verdict = Verdict.NOT_REPRODUCED
    else:
        verdict = Verdict.FIXED
    judgement = Judgement(verdict, "", tuple(fixed), tuple(still_failing), tuple(broken))
    return Judgement(verdict, _explain(judgement, was, now, after), *_lists(judgement))


def _outcomes(run: TestRun) -> dict[str, Outcome]:
    """Return each test's outcome, the worst where an id occurs twice, and the command's own where it matters."""
    outcomes: dict[str, Outcome] = {}
    for case in run.cases:
        known = outcomes.get(case.id)
        if known is None or _SEVERITY[case.outcome] > _SEVERITY[known]:
            outcomes[case.id] = case.outcome
    # A green command says so even where there is no report; a red one only where no test explains it.
    if run.exit_code == 0:
        outcomes[WHOLE_RUN] = "passed"
    elif run.broke_down:
        outcomes[WHOLE_RUN] = "failed"
    return outcomes


def _fails(outcome: Outcome | None) -> bool:
    return outcome in ("failed", "error")


def _repaired(test: str, now: dict[str, Outcome]) -> bool:
    if test in now:
        return now[test] == "passed"
    # A file that did not load has no outcome of its own once it loads: its tests speak for it.
    inside = [outcome for other, outcome in now.items() if other.startswith(f"{test}::")]
    return "passed" in inside and not any(_fails(outcome) for outcome in inside)


def _lists(judgement: Judgement) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    return judgement.fixed, judgement.still_failing, judgement.broken


def _explain(judgement: Judgement, was: dict[str, Outcome], now: dict[str, Outcome], after: TestRun) -> str:
    fixed, still, broken = _lists(judgement)
    sentences = []
    if broken:
        new = sum(test not in was for test in broken)
        what = "did not fail before" if not new else f"did not fail before ({new} of them did not exist or did not run)"
        sentences.append(f"The patch breaks what worked: {_tests(broken)} now {_verb(broken, 'fail')} and {what}.")
    if still:
        not_run = [test for test in still if now.get(test) in (None, "skipped") and test != WHOLE_RUN]
        sentences.append(f"{_tests(still)} failed before and {_verb(still, 'do')} not pass now.")
        if not_run:
            sentences.append(
                f"{_tests(not_run)} {_verb(not_run, 'be')} skipped or gone after the patch, which is no repair."
            )
    if fixed:
        sentences.append(f"{_tests(fixed)} failed before and {_verb(fixed, 'pass')} now.")
    if judgement.verdict is Verdict.NOT_REPRODUCED:
        sentences.append(
            "No test failed before the patch, so nothing shows that it repairs something; "
            "add a test that fails without it, or name a ref where one does."
        )
    if judgement.verdict is Verdict.FIXED:
        sentences.append("Nothing else fails.")
    if after.note and judgement.verdict in (Verdict.FIXED, Verdict.NOT_REPRODUCED):
        sentences.append(f"Judged by the exit code alone: {after.note}.")
    return " ".join(sentences)


def _explain_timeout(before: TestRun, after: TestRun, late: list[str]) -> str:
    first = before if before.timed_out else after
    text = (
        f"The tests {' and '.join(late)} the patch did not end within {first.duration_seconds:.0f} s and were stopped."
    )
    if late == ["before"]:
        state = f"{after.count('passed')} passed, {len(after.failing)} failed"
        text += f" After the patch they did end (exit code {after.exit_code}; {state}), so it may cure a hang."
    return f"{text} See the output for where they stood; give a longer timeout if the suite just takes its time."


def _explain_no_tests(name: str, run: TestRun, before: TestRun) -> str:
    why = f"all {len(run.cases)} tests were skipped" if run.cases else "the test command found none"
    text = f"No test ran {name} the patch: {why}."
    failed = [case.id for case in before.failing]
    if name == "after" and failed:
        text += f" {_tests(failed)} failed before; a test that does not run any more is not repaired."
    return text


def _tests(ids: list[str] | tuple[str, ...]) -> str:
    named = ", ".join(ids[:_NAMED_TESTS])
    more = f" and {len(ids) - _NAMED_TESTS} more" if len(ids) > _NAMED_TESTS else ""
    return f"{named}{more}"


def _verb(subjects: list[str] | tuple[str, ...], verb: str) -> str:
    singular = {"fail": "fails", "do": "does", "be": "is", "pass": "passes"}[verb]
    return singular if len(subjects) == 1 else {"be": "are"}.get(verb, verb)
