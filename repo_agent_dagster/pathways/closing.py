"""The end of every pathway: its page, its result as JSON, and the task request closed with it."""

from repo_agent_dagster.contracts.outcomes import PathwayResult, TaskReport
from repo_agent_dagster.contracts.tasks import TaskStatus
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.reporting.page import render
from repo_agent_dagster.store import ai_logs, task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest, UnknownTaskError

PAGE = "report.html"
RESULT = "result.json"
_SHOWN_THOUGHTS = 500


def close_with(context: TaskContext, result: PathwayResult, *, run_id: str) -> PathwayResult:
    """Keep the task's page and its result, and close it; return the result with all artifacts named in it.

    The task succeeds when the verdict is good and fails otherwise. One that was cancelled meanwhile, or that another
    run has taken over, stays as it is.
    """
    # The two files list the artifacts before them; the row in the store lists these two as well.
    with read_transaction(context.engine) as conn:
        task = task_requests.get(conn, context.task_id)
        thoughts = ai_logs.listing(conn, context.task_id, limit=_SHOWN_THOUGHTS)
    if task is None:
        raise UnknownTaskError(f"task request {context.task_id} was deleted while its run was going on")
    complete = result.model_copy(update={"artifacts": list(context.artifacts.kept)})
    context.artifacts.put(PAGE, render(task, complete, thoughts, now=context.now()).encode())
    context.artifacts.put(RESULT, report(task, complete).model_dump_json(indent=2).encode())
    complete = result.model_copy(update={"artifacts": list(context.artifacts.kept)})
    status = TaskStatus.SUCCESS if complete.ok else TaskStatus.FAILED
    error = None if complete.ok else f"{complete.verdict}: {complete.reasons[0]}"
    with write_transaction(context.engine) as conn:
        task_requests.finish(
            conn,
            context.task_id,
            status,
            now=context.now(),
            result=complete.model_dump(mode="json"),
            error=error,
            dagster_run_id=run_id,
        )
    return complete


def report(task: TaskRequest, result: PathwayResult) -> TaskReport:
    """Return what `repo-agent task run` prints of a result."""
    return TaskReport(
        task_id=task.id,
        pathway=task.pathway.value,
        verdict=result.verdict.value,
        reasons=result.reasons,
        tests=result.tests(),
        durations=result.durations,
        artifacts=result.artifacts,
    )
