"""Carry out a task in this process, without a daemon: for a terminal, a script, or any CI.

The steps, the record in the store and the artifacts are the same as under Dagster; only who calls the steps differs.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.artifacts import ArtifactStore, TaskArtifacts
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.outcomes import PathwayResult
from repo_agent_dagster.contracts.tasks import Pathway, RepositoryPayload, TaskStatus
from repo_agent_dagster.pathways.closing import close_with
from repo_agent_dagster.pathways.context import Sandboxes, TaskContext
from repo_agent_dagster.pathways.local_run import local_run_id
from repo_agent_dagster.pathways.scripts import Scripts
from repo_agent_dagster.pathways.setup.kept import KeptSetups
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.sandbox import OutputSink
    from repo_agent_dagster.settings import Settings

_STEPS = {
    Pathway.SOLUTION_VALIDATION: ("repo_agent_dagster.pathways.validation.steps", "validate"),
    Pathway.ERROR_RECREATION: ("repo_agent_dagster.pathways.recreation.steps", "recreate"),
    Pathway.TESTING: ("repo_agent_dagster.pathways.testing.steps", "run_testing"),
}
PATHWAYS = frozenset(_STEPS)
"""The pathways that can be carried out in a process of one's own."""

Seen = Callable[["OutputSink"], "OutputSink"]


def take_now(
    engine: "Engine", pathway: Pathway, payload: RepositoryPayload, *, order_id: str | None = None
) -> TaskRequest:
    """Put a task on record as this process's own, running: no daemon ever sees it pending.

    Raises:
        PayloadError: the payload is not what the pathway takes.
    """
    now = datetime.now(UTC)
    with write_transaction(engine) as conn:
        task = task_requests.submit(conn, pathway, payload, now=now, order_id=order_id)
        task_requests.claim(conn, task.id, dagster_run_id=local_run_id(), now=now)
        claimed = task_requests.get(conn, task.id)
    return claimed or task


def carry_out(
    settings: "Settings",
    engine: "Engine",
    task: TaskRequest,
    payload: RepositoryPayload,
    *,
    seen: Seen = lambda sink: sink,
    say: Callable[[str], None] = lambda _line: None,
) -> PathwayResult:
    """Take the steps of a task that this process has taken, close it, and return its result.

    `seen` may put a sink before the one that keeps the output; `say` takes lines of progress. Whatever happens, the
    task is closed and its sandboxes are destroyed: a fault closes it as failed with the step, an interruption as
    cancelled.

    Raises:
        PermanentFault, TransientFault: a step could not be taken.
    """
    if task.pathway not in _STEPS:
        raise PermanentFault(
            f"pathway {task.pathway} runs under `repo-agent up` only; submit it: repo-agent task invoke"
        )
    context = _context(settings, engine, task, seen=seen, say=say)
    module, name = _STEPS[task.pathway]
    try:
        result: PathwayResult = getattr(import_module(module), name)(context, payload)
        return close_with(context, result, run_id=local_run_id())
    except BaseException as error:
        _close_unfinished(context, error)
        raise
    finally:
        context.sandboxes.destroy_all()
        context.scripts.close()


def _context(
    settings: "Settings", engine: "Engine", task: TaskRequest, *, seen: Seen, say: Callable[[str], None]
) -> TaskContext:
    from repo_agent_dagster.ai import Provider, into_store, spec_of
    from repo_agent_dagster.sandbox import Repositories, SandboxSpec, StoreSink

    store = ArtifactStore(settings.artifact_store)
    artifacts = TaskArtifacts(store, task.id)
    sink = StoreSink(
        engine,
        task.id,
        cap_bytes=settings.sandbox_log_cap_kb * 1024,
        keep=lambda name, file: artifacts.put(name, file).url,
    )
    model = spec_of(settings)

    def now() -> datetime:
        return datetime.now(UTC)

    return TaskContext(
        task_id=task.id,
        engine=engine,
        sandboxes=Sandboxes(
            SandboxSpec(task_id=task.id, run_id=local_run_id(), **sandbox_fields(settings)), seen(sink)
        ),
        repositories=Repositories(
            settings.mirrors,
            settings.allowed_protocols,
            credential_helper=settings.git_credential_helper,
            budget_bytes=settings.mirror_budget_mb << 20,
            repository_bytes=settings.repository_max_mb << 20,
        ),
        artifacts=artifacts,
        scripts=Scripts(store, way=settings.script_delivery),
        kept_setups=KeptSetups(settings.setup_cache, settings.setup_cache_mb),
        allowed_images=settings.allowed_images,
        now=now,
        provider=None
        if model is None
        else lambda: Provider(model, clock=now, record=into_store(engine), task_request_id=task.id),
        say=say,
    )


def sandbox_fields(settings: "Settings") -> dict[str, Any]:
    """Return what the settings say of every task's sandboxes, by the names of `SandboxSpec`."""
    return {
        "owner": str(settings.home),
        "image": settings.sandbox_image,
        "user": settings.sandbox_user,
        "cpus": settings.sandbox_cpus,
        "memory_mb": settings.sandbox_memory_mb,
        "pids": settings.sandbox_pids,
        "disk_mb": settings.sandbox_disk_mb,
        "deadline_seconds": settings.sandbox_deadline_seconds,
        "network": settings.sandbox_network,
        "allowed_hosts": settings.allowed_hosts,
        "proxy_image": settings.sandbox_image,
    }


def _close_unfinished(context: TaskContext, error: BaseException) -> None:
    interrupted = isinstance(error, (KeyboardInterrupt, SystemExit))
    status = TaskStatus.CANCELLED if interrupted else TaskStatus.FAILED
    step = next(reversed(context.durations), "begin")
    why = "interrupted" if interrupted else f"{step}: {error or type(error).__name__}"
    # What failed first is what the caller has to hear of, also when the store has gone with it.
    with suppress(Exception), write_transaction(context.engine) as conn:
        task_requests.finish(conn, context.task_id, status, now=context.now(), error=why, dagster_run_id=local_run_id())
