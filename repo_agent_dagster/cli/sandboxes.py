"""`repo-agent sandboxes`: the containers of tasks, the image they start from, and the Docker engine below."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from repo_agent_dagster.settings import Settings

app = typer.Typer(
    help="Look at and remove task sandboxes; build their image; start or stop the Docker engine.",
    no_args_is_help=True,
)
image_app = typer.Typer(help="The image that sandboxes start from.", no_args_is_help=True)
engine_app = typer.Typer(help="The Docker engine that sandboxes run in.", no_args_is_help=True)
app.add_typer(image_app, name="image")
app.add_typer(engine_app, name="engine")
console = Console()


def _say(message: str) -> None:
    console.print(message, highlight=False, markup=False, soft_wrap=True)


@app.command("list")
def listing(as_json: Annotated[bool, typer.Option("--json", help="Machine output.")] = False) -> None:
    """List the sandboxes that exist now, with their task and the time they have left."""
    from repo_agent_dagster.sandbox import list_sandboxes

    now = datetime.now(UTC)
    found = list_sandboxes()
    if as_json:
        rows = [
            {
                "id": box.id,
                "name": box.name,
                "taskId": box.task_id,
                "runId": box.run_id,
                "owner": box.owner,
                "status": box.status,
                "createdAt": box.created_at.isoformat(),
                "deadline": box.deadline and box.deadline.isoformat(),
            }
            for box in found
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not found:
        _say("no sandboxes")
        return
    table = Table("container", "task", "status", "age", "ends in", box=None, header_style="bold")
    for box in found:
        left = "?" if box.deadline is None else f"{(box.deadline - now).total_seconds():.0f} s"
        age = f"{(now - box.created_at).total_seconds():.0f} s"
        table.add_row(box.id[:12], escape(box.task_id), box.status, age, left)
    console.print(table)


@app.command()
def reap(
    everything: Annotated[
        bool, typer.Option("--all", help="Remove all sandboxes, also those whose task still runs.")
    ] = False,
) -> None:
    """Remove sandboxes whose deadline passed or whose task has ended. The daemon does the same every 20 seconds.

    With --all the running ones go too; their tasks fail. Other installations' sandboxes on this engine are
    left alone without --all.
    """
    from repo_agent_dagster.sandbox import reap as reap_ended
    from repo_agent_dagster.sandbox import reap_all
    from repo_agent_dagster.store import task_requests
    from repo_agent_dagster.store.engine import read_transaction
    from repo_agent_dagster.store.revision import open_upgraded

    if everything:
        removed = reap_all()
    else:
        settings = Settings()
        with read_transaction(open_upgraded(settings.store_url)) as connection:
            unfinished = set(task_requests.open_ids(connection))
        removed = reap_ended(
            is_over=lambda live: live.task_id not in unfinished, now=datetime.now(UTC), owner=str(settings.home)
        )
    for box in removed:
        _say(f"removed {box.name} of task {box.task_id}: {box.reason}")
    if not removed:
        _say("nothing to remove")


@image_app.command()
def build(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build it again from nothing cached.")] = False,
) -> None:
    """Build the sandbox image if it is missing or its recipe changed; prints its id.

    Takes about a minute the first time. The base comes from REPO_AGENT_BASE_IMAGE; where no registry gives it,
    debootstrap makes one here (needs root).
    """
    from repo_agent_dagster.sandbox import ensure_engine, ensure_image

    settings = Settings()
    ensure_engine(settings.home, say=_say)
    made = ensure_image(
        settings.home, tag=settings.sandbox_image, base_image=settings.base_image, rebuild=rebuild, say=_say
    )
    _say(f"{settings.sandbox_image} is {made}")


@engine_app.command()
def start() -> None:
    """Make sure that a Docker engine answers; as root on Debian or Ubuntu, install and start one."""
    from repo_agent_dagster.sandbox import ensure_engine

    ensure_engine(Settings().home, say=_say)
    _say("a Docker engine answers")


@engine_app.command()
def stop() -> None:
    """Stop the engine that `start` (or the demo) started; an engine of the system is left alone."""
    from repo_agent_dagster.sandbox import stop_engine

    stopped = stop_engine(Settings().home)
    _say("stopped the engine that was started from here" if stopped else "no engine was started from here")


@engine_app.command()
def status() -> None:
    """Tell whether an engine answers, and which; exit code 1 when none does."""
    from repo_agent_dagster.sandbox import why_no_engine
    from repo_agent_dagster.sandbox.docker_engine import engine_summary, started_engine

    reason = why_no_engine()
    if reason is not None:
        _say(f"no Docker engine answers: {reason}\nstart one: repo-agent sandboxes engine start")
        raise typer.Exit(1)
    own = started_engine(Settings().home)
    _say(f"{engine_summary()}, {f'started from here as process {own.pid}' if own else 'not started from here'}")
