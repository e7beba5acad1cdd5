"""The job of pathway `solution_validation`: clone → set up → test before → apply the fix → test after → verdict.

All steps work in one sandbox, which the run's resources destroy when the run ends, however it ends.
"""

from dataclasses import dataclass

import dagster as dg

from assets.metadata import markdown_table
from jobs.tasks import (
    SANDBOX_POOL,
    WHOLE_RUN_RETRY,
    close_task,
    current_task,
    take_task,
    task_partitions,
)
from repo_agent_dagster.contracts.tasks import Pathway, SolutionValidationPayload
from repo_agent_dagster.contracts.validation import PatchSummary
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.pathways.validation import markdown
from repo_agent_dagster.pathways.validation import steps as pathway
from repo_agent_dagster.pathways.validation.steps import Checkout, Environment, PatchedRun
from repo_agent_dagster.resources import ClockResource, SandboxResource, StoreResource
from repo_agent_dagster.sandbox.sandbox import Sandbox


@dataclass(frozen=True)
class Cloned:
    """The run's sandbox, by its container id, and the checkout in it."""

    container_id: str
    checkout: Checkout


def _payload(context: dg.OpExecutionContext, store: StoreResource) -> SolutionValidationPayload:
    return current_task(context, store).payload_as(SolutionValidationPayload)


def _box(context: dg.OpExecutionContext, cloned: Cloned, store: StoreResource, sandboxes: SandboxResource) -> Sandbox:
    return sandboxes.attach(cloned.container_id, task_id=context.partition_key, store=store)


def _show_tests(context: dg.OpExecutionContext, run: TestRun | None) -> None:
    if run is None:
        context.log.warning("the tests were not run")
        return
    summary = run.summary()
    context.add_output_metadata(
        {
            "tests": markdown_table(
                [summary.model_dump(include={"total", "passed", "failed", "errors", "skipped", "source"})]
            ),
            "seconds": round(summary.duration_seconds, 2),
            "failing": markdown_table([{"test": t.id, "message": t.message.split("\n")[0]} for t in summary.failing]),
            "output": dg.MetadataValue.md(f"~~~~text\n{summary.output_tail}\n~~~~"),
        }
    )


@dg.op(pool=SANDBOX_POOL, description="Claim the task, mirror the repository on the host, and clone it into a sandbox.")
def clone(
    context: dg.OpExecutionContext, store: StoreResource, sandboxes: SandboxResource, clock: ClockResource
) -> Cloned:
    """Return the sandbox and the checkout."""
    task = take_task(context, store, clock, Pathway.SOLUTION_VALIDATION)
    payload = task.payload_as(SolutionValidationPayload)
    box = sandboxes.of_task(task_id=task.id, run_id=context.run_id, store=store).open()
    checkout = pathway.clone(box, sandboxes.repositories(), payload)
    context.add_output_metadata({"commit": checkout.commit, "repository": payload.repo_url, "sandbox": box.name})
    return Cloned(box.id, checkout)


@dg.op(pool=SANDBOX_POOL, description="Detect the test command and install what it needs; only now is there a network.")
def set_up(
    context: dg.OpExecutionContext, cloned: Cloned, store: StoreResource, sandboxes: SandboxResource
) -> Environment:
    """Return how the tests are run."""
    box = _box(context, cloned, store, sandboxes)
    environment = pathway.set_up(box, cloned.checkout, _payload(context, store))
    context.add_output_metadata(
        {
            "command": environment.command.display if environment.command else "none found",
            "note": environment.setup.note,
            "used_network": environment.setup.used_network,
        }
    )
    return environment


@dg.op(pool=SANDBOX_POOL, description="Run the tests as the commit has them: the bug has to show.")
def test_before(
    context: dg.OpExecutionContext,
    cloned: Cloned,
    environment: Environment,
    store: StoreResource,
    sandboxes: SandboxResource,
) -> TestRun | None:
    """Return the run, or None where the tests cannot be run."""
    box = _box(context, cloned, store, sandboxes)
    run = pathway.test_before(box, cloned.checkout, environment, _payload(context, store))
    _show_tests(context, run)
    return run


@dg.op(
    pool=SANDBOX_POOL,
    ins={"before": dg.In(dg.Nothing)},
    description="Reset the clone to its commit and apply the diff or the batch.",
)
def apply_fix(
    context: dg.OpExecutionContext,
    cloned: Cloned,
    environment: Environment,
    store: StoreResource,
    sandboxes: SandboxResource,
) -> PatchSummary | None:
    """Return what was applied, or why it was rejected."""
    box = _box(context, cloned, store, sandboxes)
    patch = pathway.apply_fix(box, cloned.checkout, environment, _payload(context, store))
    if patch is not None:
        context.add_output_metadata(
            {"applied": patch.applied, "files": markdown_table([{"file": f} for f in patch.files])}
        )
        if not patch.applied:
            context.log.warning(f"the patch was rejected: {patch.message}")
    return patch


@dg.op(pool=SANDBOX_POOL, description="Run the tests again, with the fix.")
def test_after(
    context: dg.OpExecutionContext,
    cloned: Cloned,
    environment: Environment,
    patch: PatchSummary | None,
    store: StoreResource,
    sandboxes: SandboxResource,
) -> PatchedRun | None:
    """Return the run, or None where there was nothing to run."""
    box = _box(context, cloned, store, sandboxes)
    after = pathway.test_after(box, cloned.checkout, environment, patch, _payload(context, store))
    _show_tests(context, after.run if after else None)
    return after


@dg.op(pool=SANDBOX_POOL, description="Judge by the tests before and after, and close the task.")
def verdict(
    context: dg.OpExecutionContext,
    cloned: Cloned,
    environment: Environment,
    before: TestRun | None,
    patch: PatchSummary | None,
    after: PatchedRun | None,
    store: StoreResource,
    clock: ClockResource,
) -> None:
    """Fail the run unless the fix was proved, after everything is on record."""
    result = pathway.conclude(_payload(context, store), cloned.checkout, environment, before, patch, after)
    error = None if result.ok else f"{result.verdict}: {result.explanation}"
    close_task(store, clock, context, ok=result.ok, result=result.model_dump(mode="json"), error=error)
    context.log_event(
        dg.AssetObservation(
            asset_key="solution_validations",
            description=result.explanation,
            metadata={
                "verdict": result.verdict.value,
                "result": dg.MetadataValue.md(markdown.render(result)),
            },
        )
    )
    if not result.ok:
        raise dg.Failure(f"{result.verdict}: {result.explanation}", allow_retries=False)


@dg.job(
    partitions_def=task_partitions,
    tags=WHOLE_RUN_RETRY,
    description="Prove in a sandbox that a patch repairs a repository: its tests fail before and pass after.",
)
def solution_validation_job() -> None:
    """One run for each task request."""
    cloned = clone()
    environment = set_up(cloned)
    before = test_before(cloned, environment)
    patch = apply_fix(cloned, environment, before=before)
    after = test_after(cloned, environment, patch)
    verdict(cloned, environment, before, patch, after)


default_jobs = [solution_validation_job]
