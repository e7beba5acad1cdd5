"""The job of pathway `error_recreation`: clone → set up → read the bug → reproduce → make minimal → bisect → verdict.

All steps work in one sandbox, which the run's resources destroy when the run ends, however it ends.
"""

import dagster as dg

from assets.metadata import markdown_table
from jobs.pathway_metadata import clone_metadata, setup_metadata
from jobs.tasks import SANDBOX_POOL, WHOLE_RUN_RETRY, current_task, take_task, task_partitions
from repo_agent_dagster.contracts.recreation import Bisection
from repo_agent_dagster.contracts.tasks import ErrorRecreationPayload, Pathway
from repo_agent_dagster.pathways.closing import close_with
from repo_agent_dagster.pathways.recreation import report
from repo_agent_dagster.pathways.recreation import steps as pathway
from repo_agent_dagster.pathways.recreation.handed_on import Bug, Repro
from repo_agent_dagster.pathways.recreation.searching import Search
from repo_agent_dagster.pathways.setup import opening
from repo_agent_dagster.pathways.setup.opening import Environment, Opened
from repo_agent_dagster.resources import ClockResource, PathwaysResource, SandboxResource, StoreResource


def _payload(context: dg.OpExecutionContext, store: StoreResource) -> ErrorRecreationPayload:
    return current_task(context, store).payload_as(ErrorRecreationPayload)


@dg.op(
    name="clone_for_recreation",
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
    take_task(context, store, clock, Pathway.ERROR_RECREATION)
    task, payload = pathways.context_of(context, store, clock, sandboxes), _payload(context, store)
    with task.step("clone"):
        opened = opening.clone(task, payload)
    context.add_output_metadata(clone_metadata(opened.box, opened.checkout))
    return opened


@dg.op(
    name="set_up_for_recreation",
    pool=SANDBOX_POOL,
    description="Install what the repository needs to be imported; only now is there a network.",
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
    description="Read the description: what error is sought, and what might make it happen.",
)
def read_bug(
    context: dg.OpExecutionContext,
    opened: Opened,
    environment: Environment,
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> Bug | None:
    """Return the bug as it was read, or None where nothing can be run."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("read_bug"):
        bug = pathway.read_bug(task, opened, environment, _payload(context, store))
    if bug is None:
        context.log.warning("the repository could not be made runnable")
        return None
    told = bug.signature.model_dump(by_alias=False)
    rows = [{"candidate": one.origin, "kind": one.kind, "repairs": "; ".join(one.repairs)} for one in bug.candidates]
    context.add_output_metadata(
        {
            "signature": markdown_table([{"what": name, "told": value} for name, value in told.items() if value]),
            "candidates": markdown_table(rows),
        }
    )
    return bug


@dg.op(
    pool=SANDBOX_POOL,
    description="Run the candidates until one shows the error, and repeat that one; with a model, let it try as well.",
)
def reproduce(
    context: dg.OpExecutionContext,
    opened: Opened,
    bug: Bug | None,
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> Search | None:
    """Return what the candidates gave."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("reproduce"):
        search = pathway.reproduce(task, opened, bug, _payload(context, store))
    if search is not None:
        rows = [
            {"candidate": one.origin, "outcome": one.outcome, "seen": one.seen, "seconds": one.duration_seconds}
            for one in search.attempts
        ]
        context.add_output_metadata({"attempts": markdown_table(rows), "path": search.path})
    return search


@dg.op(
    pool=SANDBOX_POOL,
    description="Leave out what the reproduction does not need, and make a failing test of it.",
)
def make_minimal(
    context: dg.OpExecutionContext,
    opened: Opened,
    bug: Bug | None,
    search: Search | None,
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> Repro | None:
    """Return the smallest reproduction, or None where nothing was reproduced."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("make_minimal"):
        repro = pathway.make_minimal(task, opened, bug, search, _payload(context, store))
    if repro is not None and repro.test is not None:
        context.add_output_metadata(
            {
                "test": dg.MetadataValue.md(report.fenced(repro.test.text)),
                "command": repro.command,
                "fails": repro.test_fails,
            }
        )
    return repro


@dg.op(
    pool=SANDBOX_POOL,
    description="Where the task asks for it: find the first commit between a good and a bad one that has the error.",
)
def find_first_bad(
    context: dg.OpExecutionContext,
    opened: Opened,
    bug: Bug | None,
    search: Search | None,
    repro: Repro | None,
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> Bisection | None:
    """Return the bisection, or None where none was asked for."""
    task = pathways.context_of(context, store, clock, sandboxes)
    with task.step("find_first_bad"):
        bisection = pathway.find_first_bad(task, opened, bug, search, repro, _payload(context, store))
    if bisection is not None:
        context.add_output_metadata(
            {
                "first_bad": bisection.first_bad or "not found",
                "subject": bisection.subject,
                "steps": bisection.steps,
                "note": bisection.note,
            }
        )
    return bisection


@dg.op(
    name="recreation_verdict",
    pool=SANDBOX_POOL,
    description="Judge what was seen, keep the test and the log of attempts, and close the task.",
)
def verdict(
    context: dg.OpExecutionContext,
    opened: Opened,
    environment: Environment,
    bug: Bug | None,
    search: Search | None,
    repro: Repro | None,
    bisection: Bisection | None,
    store: StoreResource,
    clock: ClockResource,
    sandboxes: SandboxResource,
    pathways: PathwaysResource,
) -> None:
    """Fail the run unless the error was made to happen, after everything is on record."""
    task, payload = pathways.context_of(context, store, clock, sandboxes), _payload(context, store)
    with task.step("conclude"):
        result = pathway.conclude(task, payload, opened, environment, bug, search, repro, bisection)
    close_with(task, result, run_id=context.run_id)
    context.log_event(
        dg.AssetObservation(
            asset_key="error_recreations",
            description=result.reasons[0],
            metadata={"verdict": result.verdict.value, "result": dg.MetadataValue.md(report.as_markdown(result))},
        )
    )
    if not result.ok:
        raise dg.Failure(f"{result.verdict}: {result.reasons[0]}", allow_retries=False)


@dg.job(
    partitions_def=task_partitions,
    tags=WHOLE_RUN_RETRY,
    description="Make a described error happen in a sandbox, and keep what makes it happen as a failing test.",
)
def error_recreation_job() -> None:
    """One run for each task request."""
    opened = clone()
    environment = set_up(opened)
    bug = read_bug(opened, environment)
    search = reproduce(opened, bug)
    repro = make_minimal(opened, bug, search)
    bisection = find_first_bad(opened, bug, search, repro)
    verdict(opened, environment, bug, search, repro, bisection)


default_jobs = [error_recreation_job]
