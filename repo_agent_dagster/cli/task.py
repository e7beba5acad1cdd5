"""`repo-agent task`: the queue from the terminal, and pathways in a process of one's own."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from repo_agent_dagster.cli import task_run
from repo_agent_dagster.cli.task_view import Outcome, show_logs, show_status, show_tests
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.problems import describe
from repo_agent_dagster.contracts.tasks import PAYLOADS, Pathway, RepositoryPayload, TaskStatus
from repo_agent_dagster.settings import Settings

app = typer.Typer(help="Queue tasks and follow them, or run one right here.", no_args_is_help=True)
app.add_typer(task_run.app, name="run")
console = Console()

_POLL_SECONDS = 0.3
_STYLES = {
    TaskStatus.PENDING: "yellow",
    TaskStatus.RUNNING: "cyan",
    TaskStatus.SUCCESS: "green",
    TaskStatus.FAILED: "red",
    TaskStatus.CANCELLED: "magenta",
}

TaskId = Annotated[str, typer.Argument(help="The task request's id, or enough of its start or end to be unique.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]


def _engine() -> Any:
    from repo_agent_dagster.store.revision import open_upgraded

    return open_upgraded(Settings().store_url)


def _find(conn: Any, task_id: str) -> Any:
    from repo_agent_dagster.store import task_requests

    found = task_requests.get(conn, task_id)
    if found is not None:
        return found
    near = [t for t in task_requests.listing(conn, limit=1000) if t.id.startswith(task_id) or t.id.endswith(task_id)]
    if len(near) == 1:
        return near[0]
    raise PermanentFault(
        f"no task request {task_id}; `repo-agent task list` shows them"
        if not near
        else f"{task_id} fits {len(near)} task requests; give more of the id"
    )


@app.command()
def invoke(
    pathway: Annotated[Pathway, typer.Argument(help="What to do.")],
    payload: Annotated[str, typer.Option(help="The payload as JSON, @FILE, or - for standard input.")],
    prompt: Annotated[str, typer.Option(help="What was asked for, in words.")] = "",
    order: Annotated[str | None, typer.Option(help="The order this belongs to.")] = None,
    dedupe_key: Annotated[str | None, typer.Option(help="Submitting the same key again returns the first.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a task request into the queue; prints its id. A running `repo-agent up` picks it up.

    Example: `repo-agent task invoke ops_scan --payload '{"day": "2026-03-04"}'`
    """
    from repo_agent_dagster.store import task_requests
    from repo_agent_dagster.store.engine import write_transaction

    if payload == "-":
        text = sys.stdin.read()
    elif payload.startswith("@"):
        path = Path(payload[1:])
        if not path.is_file():
            raise PermanentFault(f"there is no file {path} to read the payload from")
        text = path.read_text(encoding="utf-8")
    else:
        text = payload
    model = PAYLOADS[pathway]
    try:
        checked = model.model_validate_json(text)
    except ValidationError as error:
        raise PermanentFault(
            f"not a {model.__name__}: {describe(error)}; see `repo-agent task schema {pathway}`"
        ) from None
    if isinstance(checked, RepositoryPayload) and Path(checked.repo_url).is_dir():
        # The daemon that fetches it has another working directory.
        checked = checked.model_copy(update={"repo_url": str(Path(checked.repo_url).absolute())})
    with write_transaction(_engine()) as conn:
        task = task_requests.submit(
            conn,
            pathway,
            checked,
            now=datetime.now(UTC),
            initial_prompt=prompt,
            repo_url=getattr(checked, "repo_url", None),
            order_id=order or getattr(checked, "order_id", None),
            dedupe_key=dedupe_key,
        )
    typer.echo(json.dumps({"id": task.id, "status": task.status.value}) if as_json else task.id)


@app.command()
def schema(pathway: Annotated[Pathway, typer.Argument(help="Which payload.")]) -> None:
    """Print the JSON Schema of a pathway's payload."""
    typer.echo(json.dumps(PAYLOADS[pathway].model_json_schema(), indent=2))


@app.command("list")
def listing(
    status: Annotated[TaskStatus | None, typer.Option(help="Only these.")] = None,
    pathway: Annotated[Pathway | None, typer.Option(help="Only these.")] = None,
    order: Annotated[str | None, typer.Option(help="Only this order's.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List task requests, newest first."""
    from repo_agent_dagster.store import task_requests
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(_engine()) as conn:
        tasks = task_requests.listing(conn, status=status, pathway=pathway, order_id=order, limit=limit)
    if as_json:
        typer.echo(json.dumps([_as_json(task) for task in tasks], indent=2))
        return
    if not tasks:
        console.print("no task requests")
        return
    # The id is what people copy: never cut, whatever the width.
    widths = {"id": 36, "pathway": 19, "status": 9, "took": 7}
    whole = [Column(name, no_wrap=True, min_width=width) for name, width in widths.items()]
    table = Table(*whole, "created (UTC)", "order", "attempt", box=None, header_style="bold", pad_edge=False)
    for task in tasks:
        table.add_row(
            task.id,
            task.pathway.value,
            f"[{_STYLES[task.status]}]{task.status.value}[/]",
            _took(task),
            f"{task.created_at:%m-%d %H:%M}",
            escape(task.order_id or ""),
            str(task.attempt),
        )
    # Piped to another program nothing is cut: 80 columns are a guess there.
    (console if console.is_terminal else Console(width=200)).print(table)


def _took(task: Any) -> str:
    return f"{(task.ended_at - task.started_at).total_seconds():.1f} s" if task.started_at and task.ended_at else ""


def _as_json(task: Any) -> dict[str, Any]:
    times = {name: getattr(task, name) for name in ("created_at", "started_at", "ended_at")}
    return {
        "id": task.id,
        "pathway": task.pathway.value,
        "status": task.status.value,
        "attempt": task.attempt,
        "orderId": task.order_id,
        "repoUrl": task.repo_url,
        "dagsterRunId": task.dagster_run_id,
        "payload": task.payload,
        "result": task.result,
        "error": task.error,
        **{name: value and value.isoformat() for name, value in times.items()},
    }


@app.command()
def status(
    task_id: TaskId,
    as_json: AsJson = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until it has ended.")] = False,
) -> None:
    """Show one task request: what was asked, where it stands, what came of it.

    Exit code 0; with --wait 0 if it succeeded, 1 if it failed or was cancelled.
    """
    from repo_agent_dagster.store.engine import read_transaction

    engine = _engine()
    with read_transaction(engine) as conn:
        task = _find(conn, task_id)
    if wait:
        task = _await_end(engine, task)
    if as_json:
        typer.echo(json.dumps(_as_json(task), indent=2))
    else:
        show_status(console, engine, task, style=_STYLES[task.status])
    if wait and task.status is not TaskStatus.SUCCESS:
        raise typer.Exit(1)


def _await_end(engine: Any, task: Any) -> Any:
    from repo_agent_dagster.store import task_requests
    from repo_agent_dagster.store.engine import read_transaction

    while task.is_open:
        time.sleep(_POLL_SECONDS)
        with read_transaction(engine) as conn:
            task = task_requests.get(conn, task.id)
        if task is None:
            raise PermanentFault("the task request was deleted while it was waited for")
    return task


@app.command()
def logs(
    task_id: TaskId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the task has ended.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many lines; default: all.")] = None,
) -> None:
    """Print what the task's sandbox printed, in order; commands are marked with $, standard error with !.

    With --follow what the task decided is shown, too, as it happens.
    """
    from repo_agent_dagster.store.engine import read_transaction

    engine = _engine()
    with read_transaction(engine) as conn:
        task = _find(conn, task_id)
    show_logs(engine, task, follow=follow, limit=limit)


@app.command("tests")
def list_tests(
    task_id: TaskId,
    run: Annotated[str | None, typer.Option(help="Only this run's, e.g. before, after.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only those that ended so.")] = None,
    as_json: AsJson = False,
) -> None:
    """List every test of a task's runs, with its outcome and duration."""
    from repo_agent_dagster.store.engine import read_transaction

    engine = _engine()
    with read_transaction(engine) as conn:
        task = _find(conn, task_id)
    show_tests(engine, task, run=run, outcome=None if outcome is None else outcome.value, as_json=as_json)


@app.command()
def cancel(task_id: TaskId) -> None:
    """Cancel a task that has not ended; its sandbox is removed within a minute."""
    from repo_agent_dagster.store import task_requests
    from repo_agent_dagster.store.engine import write_transaction

    with write_transaction(_engine()) as conn:
        task = _find(conn, task_id)
        if not task_requests.cancel(conn, task.id, now=datetime.now(UTC)):
            raise PermanentFault(f"task {task.id} is {task.status.value}; only a pending or running one is cancelled")
    console.print(f"cancelled {task.id}", highlight=False)


@app.command()
def retry(task_id: TaskId) -> None:
    """Queue a failed or cancelled task again, as its next attempt."""
    from repo_agent_dagster.store import task_requests
    from repo_agent_dagster.store.engine import write_transaction

    with write_transaction(_engine()) as conn:
        task = task_requests.retry(conn, _find(conn, task_id).id, now=datetime.now(UTC))
    console.print(f"queued {task.id} as attempt {task.attempt}", highlight=False)
