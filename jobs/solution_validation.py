"""The job of pathway `solution_validation`: what its ops show. The steps themselves are in `pathways.validation`.

Each run of the tests has a sandbox of its own; the run's resources destroy what is left when the run ends, however.
"""

import dagster as dg

from assets.metadata import markdown_table
from jobs.pathway_metadata import clone_metadata, setup_metadata
from jobs.tasks import SANDBOX_POOL, WHOLE_RUN_RETRY, current_task, take_task, task_partitions
from repo_agent_dagster.contracts.suites import RunSummary
from repo_agent_dagster.contracts.tasks import Pathway, SolutionValidationPayload
from repo_agent_dagster.pathways.closing import close_with
from repo_agent_dagster.pathways.setup import opening
from repo_agent_dagster.pathways.setup.opening import Opened
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.pathways.validation import markdown
from repo_agent_dagster.pathways.validation import steps as pathway
from repo_agent_dagster.pathways.validation.reruns import Reruns
from repo_agent_dagster.pathways.validation.steps import Fixed, Prepared
from repo_agent_dagster.pathways.validation.trials import PatchedRun
from repo_agent_dagster.resources import ClockResource, PathwaysResource, SandboxResource, StoreResource

_COUNTS = {"total", "passed", "failed", "errors", "skipped", "exit_code"}


def _payload(context: dg.OpExecutionContext, store: StoreResource) -> SolutionValidationPayload:
    return current_task(context, store).payload_as(SolutionValidationPayload)


def _counted(name: str, run: RunSummary) -> dict[str, object]:
    return {"run": name, **run.model_dump(include=_COUNTS, by_alias=False), "seconds": round(run.duration_seconds, 2)}


def _show_tests(context: dg.OpExecutionContext, name: str, run: TestRun | None) -> None:
    if run is None:
        context.log.warning("the tests were not run")
        return
    summary = run.summary()
    context.add_output_metadata(
        {
            "tests": markdown_table([_counted(name, summary)]),
            "read from": summary.source,
            "doubts": "; ".join(summary.doubts) or "none",
            "failing": markdown_table([{"test": t.id, "message": t.message.split("\n")[0]} for t in summary.failing]),
            "output": dg.MetadataValue.md(f"~~~~text\n{summary.output_tail}\n~~~~"),
        }
    )


@dg.op(pool=SANDBOX_POOL, description="Claim the task, mirror the repository on the host, and clone it into a sandbox.")
def clone(
    context: dg.OpExecutionContext,
    store: StoreResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
    clock: ClockResource,
) -> Opened:
    """Return the sandbox and the checkout."""
    payload = take_task(context, store, clock, Pathway.SOLUTION_VALIDATION).payload_as(SolutionValidationPayload)
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("clone"):
        opened = opening.clone(task, payload)
    context.add_output_metadata(clone_metadata(opened.box, opened.checkout))
    return opened


@dg.op(pool=SANDBOX_POOL, description="Detect the test command and install what it needs; only now is there a network.")
def set_up(
    context: dg.OpExecutionContext,
    opened: Opened,
    store: StoreResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
    clock: ClockResource,
) -> Prepared:
    """Return how the tests are run, and the files that each run starts from."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("set_up"):
        prepared = pathway.set_up(task, opened, _payload(context, store))
    environment = prepared.environment
    context.add_output_metadata(
        {
            "command": environment.command.display if environment.command else "none found",
            **setup_metadata(environment.setup),
            "bytes that each run starts from": prepared.ground.bytes if prepared.ground else 0,
        }
    )
    return prepared


@dg.op(pool=SANDBOX_POOL, description="Run the tests as the commit has them: the bug has to show.")
def test_before(
    context: dg.OpExecutionContext,
    prepared: Prepared,
    store: StoreResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
    clock: ClockResource,
) -> TestRun | None:
    """Return the run, or None where the tests cannot be run."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("test_before"):
        run = pathway.test_before(task, prepared, _payload(context, store))
    _show_tests(context, "before", run)
    return run


@dg.op(
    pool=SANDBOX_POOL,
    ins={"before": dg.In(dg.Nothing)},
    description="Apply the patch to the commit in a fresh sandbox, by git apply, --3way or patch --fuzz, and prove it.",
)
def apply_fix(
    context: dg.OpExecutionContext,
    prepared: Prepared,
    store: StoreResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
    clock: ClockResource,
) -> Fixed | None:
    """Return what was applied, or why it was rejected."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("apply_fix"):
        fixed = pathway.apply_fix(task, prepared, _payload(context, store))
    if fixed is not None:
        patch = fixed.summary
        changes = [change.model_dump(include={"path", "change", "role", "restored"}) for change in patch.changes]
        context.add_output_metadata(
            {
                "applied": patch.applied,
                "way": patch.way or "none",
                "proof": patch.proof,
                "files": markdown_table(changes),
            }
        )
        if not patch.applied:
            context.log.warning(f"the patch was rejected: {patch.message}")
    return fixed


@dg.op(pool=SANDBOX_POOL, description="Run the patch's tests without its source: what it brings has to fail then.")
def test_tests_only(
    context: dg.OpExecutionContext,
    prepared: Prepared,
    fixed: Fixed | None,
    store: StoreResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
    clock: ClockResource,
) -> PatchedRun | None:
    """Return the run, or None for a patch without tests."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("test_tests_only"):
        patched = pathway.test_tests_only(task, prepared, fixed, _payload(context, store))
    if patched is not None:
        _show_tests(context, "tests only", patched.run)
    return patched


@dg.op(
    pool=SANDBOX_POOL,
    ins={"tests_only": dg.In(dg.Nothing)},
    description="Run the tests again, with the whole patch.",
)
def test_after(
    context: dg.OpExecutionContext,
    prepared: Prepared,
    before: TestRun | None,
    fixed: Fixed | None,
    store: StoreResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
    clock: ClockResource,
) -> PatchedRun | None:
    """Return the run, or None where there was nothing to run."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("test_after"):
        after = pathway.test_after(task, prepared, before, fixed, _payload(context, store))
    _show_tests(context, "after", after.run if after else None)
    return after


@dg.op(pool=SANDBOX_POOL, description="Run the tests that differ again, where they failed: flaky ones do not count.")
def rerun_differing(
    context: dg.OpExecutionContext,
    prepared: Prepared,
    before: TestRun | None,
    fixed: Fixed | None,
    tests_only: PatchedRun | None,
    after: PatchedRun | None,
    store: StoreResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
    clock: ClockResource,
) -> Reruns:
    """Return which tests are flaky."""
    task = pathways.context_of(context, store, clock, sandboxes)
    payload = _payload(context, store)
    with task.step("rerun_differing"):
        reruns = pathway.rerun_differing(task, prepared, before, fixed, tests_only, after, payload)
    context.add_output_metadata(
        {"runs": reruns.runs, "flaky": markdown_table([{"test": t} for t in sorted(reruns.flaky)])}
    )
    return reruns


@dg.op(description="Judge by the tests without the patch and with it, and close the task.")
def verdict(
    context: dg.OpExecutionContext,
    prepared: Prepared,
    before: TestRun | None,
    fixed: Fixed | None,
    tests_only: PatchedRun | None,
    after: PatchedRun | None,
    reruns: Reruns,
    store: StoreResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
    clock: ClockResource,
) -> None:
    """Fail the run unless the fix was proved, after everything is on record."""
    task = pathways.context_of(context, store, clock, sandboxes)
    payload = _payload(context, store)
    found = pathway.conclude(task, prepared, before, fixed, tests_only, after, reruns, payload)
    result = close_with(task, found, run_id=context.run_id)
    context.log_event(
        dg.AssetObservation(
            asset_key="solution_validations",
            description=result.reasons[0],
            metadata={
                "verdict": result.verdict.value,
                "result": dg.MetadataValue.md(markdown.render(found)),
                "seconds": markdown_table([{"step": name, "seconds": took} for name, took in result.durations.items()]),
                "artifacts": markdown_table(
                    [{"name": a.name, "bytes": a.bytes, "url": a.url} for a in result.artifacts]
                ),
            },
        )
    )
    if not result.ok:
        raise dg.Failure(f"{result.verdict}: {result.reasons[0]}", allow_retries=False)


@dg.job(
    partitions_def=task_partitions,
    tags=WHOLE_RUN_RETRY,
    description="Prove in a sandbox that a patch repairs a repository: its tests fail before and pass after.",
)
def solution_validation_job() -> None:
    """One run for each task request."""
    prepared = set_up(clone())
    before = test_before(prepared)
    fixed = apply_fix(prepared, before=before)
    tests_only = test_tests_only(prepared, fixed)
    after = test_after(prepared, before, fixed, tests_only=tests_only)
    reruns = rerun_differing(prepared, before, fixed, tests_only, after)
    verdict(prepared, before, fixed, tests_only, after, reruns)


default_jobs = [solution_validation_job]
