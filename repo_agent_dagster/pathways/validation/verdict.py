"""The verdict on a patch, and the reasons for it. Pure: runs in, one judgement out.

docs/solution-validation.md has the same rules as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from repo_agent_dagster.contracts.validation import ValidationVerdict as Verdict
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.pathways.validation.comparing import Comparison, Sighting, compare
from repo_agent_dagster.pathways.validation.trust import doubts

_NAMED_TESTS = 5


@dataclass(frozen=True)
class Judgement:
    """The verdict and the reasons for it, the weightiest first; `comparison` is None where there was none to make."""

    verdict: Verdict
    reasons: tuple[str, ...]
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Runs:
    """The runs of the suite: as the commit has it, with the patch's tests alone (None: no need), with the patch."""

    before: TestRun
    tests_only: TestRun | None
    after: TestRun

    @property
    def named(self) -> list[tuple[str, TestRun]]:
        """The runs that there are, as reasons name them."""
        runs = [("before the patch", self.before), ("with the patch's tests alone", self.tests_only)]
        return [*((name, run) for name, run in runs if run is not None), ("with the patch", self.after)]


def judge(runs: Runs, *, must_pass: Sequence[str] = (), flaky: frozenset[str] = frozenset()) -> Judgement:
    """Compare the runs.

    `fixed` needs all of: every run can be believed and ended in time, at least one test that failed without the
    patch's source passes with it, none that passed fails, no test that failed is skipped or gone, and every test of
    `must_pass` passes. Tests that fail on both sides do not stop it; the first reason tells of them.
    """
    if late := [(name, run) for name, run in runs.named if run.timed_out]:
        return Judgement(Verdict.TIMED_OUT, _why_timed_out(runs, late))
    before, after = Sighting.of(runs.before), Sighting.of(runs.after)
    tests_only = Sighting.of(runs.tests_only) if runs.tests_only else None
    comparison = compare(before, tests_only, after, flaky)
    if missing := _why_no_tests(runs):
        return Judgement(Verdict.NO_TESTS, missing, comparison)
    if why := [f"{_start(name)}, {clause}." for name, run in runs.named for clause in doubts(run, runs.before)]:
        lead = f"The tests cannot be believed: {why[0][:1].lower()}{why[0][1:]}"
        return Judgement(Verdict.UNTRUSTED, (lead, *why[1:], *_seen(runs)), comparison)
    demanded = _Demanded.of(must_pass, before, after)
    verdict = _verdict(comparison, demanded)
    return Judgement(verdict, _reasons(verdict, comparison, demanded, after), comparison)


@dataclass(frozen=True)
class _Demanded:
    """The tests that the task says have to pass, and do not: those that passed before, the others, and the unknown."""

    broken: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @classmethod
    def of(cls, must_pass: Sequence[str], before: Sighting, after: Sighting) -> "_Demanded":
        found = cls()
        for wanted in must_pass:
            tests = [test for test in {**before.tests, **after.tests} if _is_meant(wanted, test)]
            bad = tuple(test for test in tests if after.outcome(test) != "passed")
            found = replace(
                found,
                broken=(*found.broken, *(test for test in bad if before.outcome(test) == "passed")),
                failing=(*found.failing, *(test for test in bad if before.outcome(test) != "passed")),
                unknown=(*found.unknown, *(() if tests else (wanted,))),
            )
        return found


def _is_meant(wanted: str, test: str) -> bool:
    """Whether an id names the test: whole, by its end, its file or class, or without the parameters."""
    return (
        test == wanted
        or test.startswith((f"{wanted}::", f"{wanted}["))
        or test.partition("[")[0].endswith(f"::{wanted}")
    )


def _verdict(seen: Comparison, demanded: _Demanded) -> Verdict:
    if seen.pass_to_fail or seen.new_failing or demanded.broken:
        return Verdict.REGRESSED
    if not seen.fail_to_pass or seen.unseen or demanded.failing or demanded.unknown:
        return Verdict.NO_EFFECT
    return Verdict.FIXED


def _reasons(verdict: Verdict, seen: Comparison, demanded: _Demanded, after: Sighting) -> tuple[str, ...]:
    repaired = _repaired(seen)
    lead = {
        Verdict.FIXED: repaired,
        Verdict.REGRESSED: _broken(seen, demanded),
        Verdict.NO_EFFECT: _without_effect(seen),
    }
    told = [lead[verdict]]
    if verdict is not Verdict.FIXED and seen.fail_to_pass:
        told.append(repaired)
    told += [
        text
        for tests, text in (
            (seen.unseen, "{} failed before and {are} skipped or gone with the patch, which is no repair."),
            (demanded.failing, "{}, which must pass, {do} not pass with the patch."),
            (demanded.unknown, "{}, which must pass, {are} known to no run."),
            (seen.fail_to_fail if verdict is not Verdict.FIXED else (), "{} {fail} without the patch and with it."),
            (seen.proved, "The patch brings {}, which {fail} without its source and {pass} with it."),
            (seen.idle, "The patch brings {}, which {pass} without its source, too: {they} {show} nothing."),
            (seen.rewritten, "{} failed before and {pass} with the patch's tests alone: the test was changed."),
            (seen.pass_to_skip, "{} passed before and {are} skipped with the patch."),
            (_gone_passing(seen), "{} passed before and {are} gone with the patch."),
            (seen.unreached, "{} could not run on one side: files that did not load stopped the runner."),
            (seen.flaky, "{} failed and passed on the same code: flaky, so not counted."),
        )
        if tests
        for text in [_said(text, tests)]
    ]
    for test in (*seen.pass_to_fail, *seen.new_failing)[:1]:
        message = after.messages.get(test) or after.messages.get(test.split("::")[0], "")
        if message.strip():
            told.append(f"{test} says: {message.strip().splitlines()[0]}")
    return tuple(told)


def _repaired(seen: Comparison) -> str:
    text = _said(
        "{} failed without the patch's source and {pass} with it; no test that passed fails now.", seen.fail_to_pass
    )
    if seen.pass_to_fail or seen.new_failing:
        text = _said("{} failed without the patch's source and {pass} with it.", seen.fail_to_pass)
    if left := [test for test in seen.fail_to_fail if test not in seen.unseen]:
        text += _said(" {} still {fail}, as before the patch.", left)
    return text


def _broken(seen: Comparison, demanded: _Demanded) -> str:
    parts = []
    if broken := tuple(dict.fromkeys((*seen.pass_to_fail, *demanded.broken))):
        parts.append(_said("{} passed before and {do} not pass with the patch", broken))
    if seen.new_failing:
        parts.append(_said("{} {fail} with the patch and did not fail before", seen.new_failing))
    return f"The patch breaks what worked: {'; '.join(parts)}."


def _without_effect(seen: Comparison) -> str:
    if seen.rewritten and not seen.fail_to_pass:
        return "No test shows a repair: those that failed pass because the patch changed the tests, not the code."
    if not seen.fail_to_pass and not seen.fail_to_fail:
        also = " but by a flaky test" if seen.flaky else ""
        return (
            f"No test failed without the patch's source{also}, so nothing shows that the patch repairs something; "
            "add a test that fails without it, or name a ref where one does."
        )
    if not seen.fail_to_pass:
        return "No test that failed passes with the patch."
    return "The patch does not repair all that it has to."


def _gone_passing(seen: Comparison) -> tuple[str, ...]:
    return tuple(test for test in seen.gone if test not in seen.unseen)


def _why_timed_out(runs: Runs, late: Sequence[tuple[str, TestRun]]) -> tuple[str, ...]:
    limit = f"{late[0][1].duration_seconds:.0f} s"
    names = " and ".join(name for name, _ in late)
    told = [f"The tests {names} did not end within {limit} and were stopped."]
    after = runs.after
    if not after.timed_out:
        told.append(
            f"With the patch they did end (exit code {after.exit_code}; {after.count('passed')} passed, "
            f"{len(after.failing)} failed), so it may cure a hang."
        )
    told.append("See the output for where they stood; give a longer timeout if the suite just takes its time.")
    return tuple(told)


def _why_no_tests(runs: Runs) -> tuple[str, ...]:
    """Return why there is nothing to compare; a suite that begins with the patch's own tests is there to compare."""
    for name, run in (("before the patch", runs.before), ("with the patch", runs.after)):
        if run.ran_something or (run is runs.before and runs.tests_only is not None and runs.tests_only.ran_something):
            continue
        why = f"all {len(run.cases)} tests were skipped" if run.cases else "the test command found none"
        failed = [case.id for case in runs.before.failing]
        lost = (
            (_said("{} failed before; a test that does not run any more is not repaired.", failed),) if failed else ()
        )
        return (f"No test ran {name}: {why}.", *(lost if run is runs.after else ()))
    return ()


def _seen(runs: Runs) -> list[str]:
    """Return what the runs say all the same, for people to judge by."""
    parts = []
    for name, run in runs.named:
        counts = (
            "no report" if run.source == "exit_code" else f"{run.count('passed')} passed, {len(run.failing)} failed"
        )
        parts.append(f"{name}: exit code {run.exit_code}, {counts}")
    return [f"What was seen, for what it is worth: {'; '.join(parts)}."]


def _start(name: str) -> str:
    return name[:1].upper() + name[1:]


_VERBS = {"are": "is", "do": "does", "fail": "fails", "pass": "passes", "they": "it", "show": "shows"}


def _said(text: str, tests: Sequence[str]) -> str:
    """Put the tests into a sentence, with its verbs in their number; long lists are cut."""
    named = ", ".join(tests[:_NAMED_TESTS])
    more = f" and {len(tests) - _NAMED_TESTS} more" if len(tests) > _NAMED_TESTS else ""
    verbs = {plural: singular if len(tests) == 1 else plural for plural, singular in _VERBS.items()}
    return text.format(f"{named}{more}", **verbs)
