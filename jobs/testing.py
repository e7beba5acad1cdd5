"""The job of pathway `testing`: clone → set up → find the suites → run them → generate tests → verdict.

All steps work in one sandbox, which the run's resources destroy when the run ends, however it ends.
"""

import dagster as dg

from assets.metadata import markdown_table
from jobs.pathway_metadata import clone_metadata, setup_metadata
from jobs.tasks import SANDBOX_POOL, WHOLE_RUN_RETRY, current_task, take_task, task_partitions
from repo_agent_dagster.contracts.tasks import Pathway, TestingPayload
from repo_agent_dagster.contracts.testing import GeneratedTest
from repo_agent_dagster.pathways.closing import close_with
from repo_agent_dagster.pathways.setup import opening
from repo_agent_dagster.pathways.setup.opening import Environment, Opened
from repo_agent_dagster.pathways.testing import steps as pathway
from repo_agent_dagster.pathways.testing.choosing import Chosen
from repo_agent_dagster.pathways.testing.runs import SuiteRuns
from repo_agent_dagster.resources import ClockResource, PathwaysResource, SandboxResource, StoreResource


def _payload(context: dg.OpExecutionContext, store: StoreResource) -> TestingPayload:
    return current_task(context, store).payload_as(TestingPayload)


@dg.op(
    name="clone_for_testing",
    pool=SANDBOX_POOL,
    description="Claim the task, mirror the repository on the host, and clone it into a sandbox.",
)
def clone(
    context: dg.OpExecutionContext,
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> Opened:
    """Return the sandbox and the checkout."""
    take_task(context, store, clock, Pathway.TESTING)
    task, payload = pathways.context_of(context, store, clock, sandboxes), _payload(context, store)
    with task.step("clone"):
        opened = opening.clone(task, payload)
    context.add_output_metadata(clone_metadata(opened.box, opened.checkout))
    return opened


@dg.op(
    name="set_up_for_testing",
    pool=SANDBOX_POOL,
    description="Install what the tests of all ecosystems need; only now is there a network.",
)
def set_up(
    context: dg.OpExecutionContext,
    opened: Opened,
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> Environment:
    """Return how the repository was made runnable."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("set_up"):
        environment = pathway.set_up(task, opened, _payload(context, store))
    context.add_output_metadata(setup_metadata(environment.setup))
    return environment


@dg.op(
    pool=SANDBOX_POOL,
    description="Find the suites, and choose those that the task's mode and prompts are about.",
)
def find_suites(
    context: dg.OpExecutionContext,
    opened: Opened,
    environment: Environment,
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> Chosen:
    """Return what is to be run."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("find_suites"):
        chosen = pathway.find_suites(task, opened, environment, _payload(context, store))
    rows = [
        {
            "suite": suite.name,
            "command": suite.command.display,
            "side": suite.side,
            "kind": suite.kind,
            "why": suite.command.reason,
        }
        for suite in chosen.suites
    ]
    context.add_output_metadata(
        {
            "suites": markdown_table(rows),
            "remarks": markdown_table([{"remark": remark} for remark in chosen.remarks]),
            "selected_by_words": markdown_table([{"test": test} for test in chosen.selected]),
        }
    )
    return chosen


@dg.op(
    pool=SANDBOX_POOL,
    description="Run the suites, as often as the task asks, and keep every test's outcome and all reports.",
)
def run_suites(
    context: dg.OpExecutionContext,
    opened: Opened,
    environment: Environment,
    chosen: Chosen,
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> list[SuiteRuns]:
    """Return the suites with their runs."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("run_suites"):
        suites = pathway.run_suites(task, opened, environment, chosen, _payload(context, store))
    results = [one.result() for one in suites]
    counted = {"total", "passed", "failed", "errors", "skipped", "exit_code", "duration_seconds"}
    runs = [
        {"suite": result.name, "run": number, **run.model_dump(include=counted, by_alias=False)}
        for result in results
        for number, run in enumerate(result.runs, 1)
    ]
    failing = [
        {"test": test.id, "message": test.message.partition("\n")[0]}
        for result in results
        for run in result.runs[:1]
        for test in run.failing
    ]
    slowest = [{"test": case.case, "seconds": case.duration_seconds} for result in results for case in result.slowest]
    context.add_output_metadata(
        {
            "runs": markdown_table(runs),
            "failing": markdown_table(failing),
            "flaky": markdown_table([{"test": test} for one in suites for test in one.flaky]),
            "slowest": markdown_table(sorted(slowest, key=lambda row: -(row["seconds"] or 0))),
            "coverage": markdown_table(
                [{"suite": result.name, "per cent of lines": result.coverage} for result in results]
            ),
        }
    )
    return list(suites)


@dg.op(
    pool=SANDBOX_POOL,
    ins={"ran": dg.In(dg.Nothing)},
    description="With a model and a prompt: have tests written, and keep those that pass twice and notice a change.",
)
def generate_tests(
    context: dg.OpExecutionContext,
    opened: Opened,
    environment: Environment,
    chosen: Chosen,
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> list[GeneratedTest]:
    """Return the tests that were written, none without a model or a prompt."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("generate"):
        generated = pathway.generate(task, opened, environment, chosen, _payload(context, store))
    context.add_output_metadata(
        {"generated": markdown_table([one.model_dump(include={"path", "kept", "note"}) for one in generated])}
    )
    return list(generated)


@dg.op(
    name="testing_verdict",
    pool=SANDBOX_POOL,
    description="Judge what the suites told, and close the task.",
)
def verdict(
    context: dg.OpExecutionContext,
    opened: Opened,
    environment: Environment,
    chosen: Chosen,
    suites: list[SuiteRuns],
    generated: list[GeneratedTest],
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> None:
    """Fail the run unless the tests passed, after everything is on record."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("conclude"):
        result = pathway.conclude(task, opened, environment, chosen, suites, generated, _payload(context, store))
    closed = close_with(task, result, run_id=context.run_id)
    context.log_event(
        dg.AssetObservation(
            asset_key="test_runs",
            description=result.reasons[0],
            metadata={
                "verdict": result.verdict.value,
                "reasons": markdown_table([{"reason": reason} for reason in result.reasons]),
                "seconds": markdown_table([{"step": step, "seconds": took} for step, took in task.durations.items()]),
                "artifacts": markdown_table([{"name": one.name, "bytes": one.bytes} for one in closed.artifacts]),
                "total": result.total,
                "failed": result.failed + result.errors,
            },
        )
    )
    if not result.ok:
        raise dg.Failure(f"{result.verdict}: {result.reasons[0]}", allow_retries=False)


@dg.job(
    partitions_def=task_partitions,
    tags=WHOLE_RUN_RETRY,
    description="Run the suites of a repository in a sandbox and keep every test's outcome.",
)
def testing_job() -> None:
    """One run for each task request."""
    opened = clone()
    environment = set_up(opened)
    chosen = find_suites(opened, environment)
    suites = run_suites(opened, environment, chosen)
    generated = generate_tests(opened, environment, chosen, ran=suites)
    verdict(opened, environment, chosen, suites, generated)


default_jobs = [testing_job]
