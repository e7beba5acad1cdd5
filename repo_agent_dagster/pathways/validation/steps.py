"""The pathway `solution_validation`: prove that a patch repairs a repository, step by step.

clone → set_up → test_before → apply_fix → test_tests_only → test_after → rerun_differing → conclude. Each step is a
function of its own, so that a job can show it; what they pass on is plain data. A step whose ground is missing (set-up
failed, patch rejected) does nothing and returns None, and `conclude` says why. `validate` takes them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.contracts.validation import PatchSummary, SolutionValidationResult
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup import opening
from repo_agent_dagster.pathways.setup.opening import Environment, Opened, clone
from repo_agent_dagster.pathways.suites.junit_xml import junit_xml
from repo_agent_dagster.pathways.suites.testrun import OUTCOMES, TestRun, case_results
from repo_agent_dagster.pathways.validation.applying import Applied, apply_patch, rejected
from repo_agent_dagster.pathways.validation.comparing import Sighting, suspects
from repo_agent_dagster.pathways.validation.conclusion import Findings, conclusion
from repo_agent_dagster.pathways.validation.ground import Ground, lay_ground, open_fresh
from repo_agent_dagster.pathways.validation.patch_text import Patch, PatchUnusable
from repo_agent_dagster.pathways.validation.proposal import propose
from repo_agent_dagster.pathways.validation.reruns import Reruns, Run, find_flaky
from repo_agent_dagster.pathways.validation.trials import PatchedRun, Trials

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox


@dataclass(frozen=True)
class Prepared:
    """How the tests are run; `ground` is what each run starts from, None when they cannot be run."""

    opened: Opened
    environment: Environment
    ground: Ground | None


@dataclass(frozen=True)
class Fixed:
    """What came of the patch: `applied` is None when it was rejected; `box` has it, for the run with the patch."""

    summary: PatchSummary
    patch: Patch | None = None
    applied: Applied | None = None
    box: "Sandbox | None" = None


def set_up(context: TaskContext, opened: Opened, payload: SolutionValidationPayload) -> Prepared:
    """Find the test command, install what it needs, and keep the result as the ground of every run.

    What cannot be installed is told in the result, not raised.
    """
    environment = opening.set_up(context, opened.box, opened.checkout, payload, test_command=payload.test_command)
    ground = lay_ground(context, opened.box, opened.checkout) if environment.ready else None
    return Prepared(opened, environment, ground)


def test_before(context: TaskContext, prepared: Prepared, payload: SolutionValidationPayload) -> TestRun | None:
    """Run the tests as the commit has them, in the sandbox that was set up; None when they cannot be run."""
    trials = _trials(context, prepared, payload)
    if trials is None:
        return None
    box = prepared.opened.box
    run = trials.run(box)
    # Its files are on the host; with it go the processes that the tests left.
    box.destroy()
    _keep(context, "before", run)
    return run


def apply_fix(context: TaskContext, prepared: Prepared, payload: SolutionValidationPayload) -> Fixed | None:
    """Apply the patch to the clone as the commit has it; None when the tests cannot be run anyway.

    A patch that does not apply is told in the result, not raised.
    """
    if prepared.ground is None:
        return None
    kind = "batch" if payload.batch else "pull_request" if payload.pull_request else "diff"
    patch: Patch | None = None
    checkout = prepared.opened.checkout
    box = open_fresh(context, prepared.ground)
    try:
        patch = propose(context, box, checkout, payload)
        context.artifacts.put("patch.diff", patch.data)
        applied = apply_patch(context, box, checkout, patch, declared_tests=payload.test_files)
    except PatchUnusable as error:
        box.destroy()
        context.think("apply_fix", f"the patch does not apply ({error.problem}): {str(error).splitlines()[0]}")
        return Fixed(rejected(error, patch, kind), patch)
    summary = applied.summary
    context.artifacts.put("applied.diff", applied.diff)
    context.think("apply_fix", f"applied by {summary.way} to {len(summary.files)} file(s): {summary.proof}")
    for path in summary.restored:
        context.think("apply_fix", f"{path} is put back as the commit has it: the patch may not change it")
    return Fixed(summary, patch, applied, box)


def test_tests_only(
    context: TaskContext, prepared: Prepared, fixed: Fixed | None, payload: SolutionValidationPayload
) -> PatchedRun | None:
    """Run the tests with the patch's tests but without its source; None unless the patch has tests."""
    trials = _trials(context, prepared, payload)
    if trials is None or fixed is None or fixed.patch is None or not (fixed.applied and fixed.applied.has_tests):
        return None
    context.think("tests_only", "the patch brings tests: they are run without its source first, to see them fail")
    patched = trials.on_patch(fixed.patch, tests_only=True)
    if patched.run is not None:
        _keep(context, "tests_only", patched.run)
    return patched


def test_after(
    context: TaskContext,
    prepared: Prepared,
    before: TestRun | None,
    fixed: Fixed | None,
    payload: SolutionValidationPayload,
) -> PatchedRun | None:
    """Run the tests with the whole patch, after installing again if it changed dependencies; None without a patch."""
    trials = _trials(context, prepared, payload)
    if trials is None or before is None or fixed is None or not (fixed.applied and fixed.patch and fixed.box):
        return None
    try:
        after = trials.measured(fixed.box, fixed.patch, fixed.applied, before)
    finally:
        fixed.box.destroy()
    if after.run is not None:
        _keep(context, "after", after.run)
    return after


def rerun_differing(
    context: TaskContext,
    prepared: Prepared,
    before: TestRun | None,
    fixed: Fixed | None,
    tests_only: PatchedRun | None,
    after: PatchedRun | None,
    payload: SolutionValidationPayload,
) -> Reruns:
    """Run the tests whose outcome differs again, on the code on which they failed; returns which are flaky."""
    trials = _trials(context, prepared, payload)
    between = tests_only.run if tests_only else None
    if trials is None or before is None or fixed is None or after is None or after.run is None or not payload.reruns:
        return Reruns(frozenset(), 0)
    if any(run.timed_out for run in (before, between, after.run) if run is not None):
        return Reruns(frozenset(), 0)
    sides = suspects(Sighting.of(before), Sighting.of(between) if between else None, Sighting.of(after.run))

    def with_patch(only: Sequence[str] | None, *, tests_only: bool = False) -> TestRun:
        again = trials.on_patch(fixed.patch, only, tests_only=tests_only) if fixed.patch else after
        # What cannot be installed this time says nothing against what was seen.
        return again.run or replace(before, cases=())

    again: tuple[Run, ...] = (trials.on_commit, partial(with_patch, tests_only=True), with_patch)
    found = [find_flaky(tests, payload.reruns, run) for tests, run in zip(sides, again, strict=True)]
    reruns = Reruns(frozenset().union(*(one.flaky for one in found)), sum(one.runs for one in found))
    if reruns.runs:
        differing = sum(len(tests) for tests in sides)
        context.think(
            "rerun", f"{differing} test(s) whose outcome differs: {reruns.runs} runs more, {len(reruns.flaky)} flaky"
        )
    return reruns


def conclude(
    context: TaskContext,
    prepared: Prepared,
    before: TestRun | None,
    fixed: Fixed | None,
    tests_only: PatchedRun | None,
    after: PatchedRun | None,
    reruns: Reruns,
    payload: SolutionValidationPayload,
) -> SolutionValidationResult:
    """Judge, and put what the steps gave into the task's result."""
    findings = Findings(
        checkout=prepared.opened.checkout,
        environment=prepared.environment,
        before=before,
        patch=fixed.summary if fixed else None,
        changed=fixed.applied.changed if fixed and fixed.applied else {},
        patched_setups=tuple(part.setup for part in (tests_only, after) if part is not None and part.setup is not None),
        tests_only=tests_only.run if tests_only else None,
        after=after.run if after else None,
        flaky=reruns.flaky,
    )
    result = conclusion(findings, payload)
    context.think("verdict", f"{result.verdict}: {result.reasons[0]}")
    return result.model_copy(update={"durations": dict(context.durations), "artifacts": list(context.artifacts.kept)})


def validate(context: TaskContext, payload: SolutionValidationPayload) -> SolutionValidationResult:
    """Run the whole pathway and return its result; the caller destroys the context's sandboxes.

    Raises:
        PermanentFault: the repository or the ref does not exist, or the clone broke.
        TransientFault: the repository or the Docker engine cannot be reached at the moment.
    """
    with context.step("clone"):
        opened = clone(context, payload)
    with context.step("set_up"):
        prepared = set_up(context, opened, payload)
    with context.step("test_before"):
        before = test_before(context, prepared, payload)
    with context.step("apply_fix"):
        fixed = apply_fix(context, prepared, payload)
    with context.step("test_tests_only"):
        tests_only = test_tests_only(context, prepared, fixed, payload)
    with context.step("test_after"):
        after = test_after(context, prepared, before, fixed, payload)
    with context.step("rerun_differing"):
        reruns = rerun_differing(context, prepared, before, fixed, tests_only, after, payload)
    return conclude(context, prepared, before, fixed, tests_only, after, reruns, payload)


def _trials(context: TaskContext, prepared: Prepared, payload: SolutionValidationPayload) -> Trials | None:
    """Return how the tests are tried; None where they cannot be run."""
    command = prepared.environment.ready
    if command is None or prepared.ground is None:
        return None
    return Trials(context, prepared.opened.checkout, command, prepared.ground, payload)


def _keep(context: TaskContext, name: str, run: TestRun) -> None:
    """Keep a run's tests in the store, and as JUnit whatever its runner reports in."""
    context.keep_cases(name, case_results(run))
    if run.cases:
        context.artifacts.put(f"junit-{name}.xml", junit_xml(run, name=name))
    context.think(f"test_{name}", _told(run))


def _told(run: TestRun) -> str:
    if run.timed_out:
        return f"stopped after {run.duration_seconds:.0f} s"
    counts = ", ".join(f"{run.count(outcome)} {outcome}" for outcome in OUTCOMES.values())
    doubtful = f"; doubtful: {'; '.join(run.doubts)}" if run.doubts else ""
    return f"exit code {run.exit_code}, {counts if run.cases else 'no report'}{doubtful}"
