"""`repo-agent sandboxes`: the containers of tasks, the image they start from, and the Docker engine below."""

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from repo_agent_dagster.cli.errors import EXIT_TRANSIENT
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox import LiveSandbox

app = typer.Typer(
    help="Look at, enter and remove task sandboxes; build their image; start or stop the Docker engine.",
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
def listing(
    everyones: Annotated[
        bool, typer.Option("--everyones", help="Those of every installation on this engine, not of this home alone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output.")] = False,
) -> None:
    """List the sandboxes that exist now: their task, what they may reach, what they use, how long they still live.

    Example: `repo-agent sandboxes list --json | jq -r '.[].taskId'`
    """
    from repo_agent_dagster.sandbox import list_sandboxes
    from repo_agent_dagster.sandbox.reaper import memory_in_use

    settings = Settings()
    now = datetime.now(UTC)
    found = list_sandboxes(owner=None if everyones else str(settings.home))
    pathways = _pathways(settings, {box.task_id for box in found if box.owner == str(settings.home)})
    memory = {box.id: memory_in_use(box.id) if box.status == "running" else None for box in found}
    if as_json:
        rows = [
            {
                "id": box.id,
                "name": box.name,
                "taskId": box.task_id,
                "pathway": pathways.get(box.task_id),
                "runId": box.run_id,
                "owner": box.owner,
                "network": box.network,
                "memoryBytes": memory[box.id],
                "status": box.status,
                "createdAt": box.created_at.isoformat(),
                "deadline": box.deadline and box.deadline.isoformat(),
            }
            for box in found
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not found:
        _say("no sandboxes" if everyones else f"no sandboxes of {settings.home}")
        return
    table = Table("container", "task", "pathway", "network", "memory", "status", "age", "ends in", box=None)
    for box in found:
        left = "?" if box.deadline is None else f"{(box.deadline - now).total_seconds():.0f} s"
        age = f"{(now - box.created_at).total_seconds():.0f} s"
        used = memory[box.id]
        shown = "" if used is None else f"{used / (1 << 20):.0f} MiB"
        pathway = pathways.get(box.task_id, "")
        table.add_row(box.id[:12], escape(box.task_id), pathway, box.network, shown, box.status, age, left)
    console.print(table)


def _pathways(settings: Settings, task_ids: set[str]) -> dict[str, str]:
    if not task_ids:  # then there may be no store yet, and looking is no reason to make one
        return {}
    from repo_agent_dagster.store import task_requests
    from repo_agent_dagster.store.engine import read_transaction
    from repo_agent_dagster.store.revision import open_upgraded

    with read_transaction(open_upgraded(settings.store_url)) as connection:
        found = [task_requests.get(connection, task_id) for task_id in sorted(task_ids)]
    return {task.id: task.pathway.value for task in found if task is not None}


@app.command()
def reap(
    everything: Annotated[
        bool, typer.Option("--all", help="Remove all of this home's sandboxes, also those whose task still runs.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    owner: Annotated[
        str | None,
        typer.Option(
            help="Home folder of another installation on this engine, or `any`. Whether its tasks still run cannot be "
            "told from here: only what is past its deadline goes, or whose process is gone; with --all, everything."
        ),
    ] = None,
) -> None:
    """Remove sandboxes, with their proxies and networks, whose deadline passed or whose task or run is over.

    `repo-agent up` does the same every 20 seconds, and `repo-agent task run` before it starts. Other installations'
    sandboxes on this engine are left alone unless --owner names them. Tasks that `task run` had begun in a process
    that is gone are closed as failed. Exit code 75 when something could not be removed.
    """
    from repo_agent_dagster.pathways import leftovers
    from repo_agent_dagster.sandbox import reap as reap_ended
    from repo_agent_dagster.sandbox import reap_all
    from repo_agent_dagster.store.revision import open_upgraded

    settings = Settings()
    whose = None if owner == "any" else owner or str(settings.home)
    now = datetime.now(UTC)
    closed: list[str] = []
    if everything:
        reaping = reap_all(whose, dry_run=dry_run)
    elif whose == str(settings.home):
        engine = open_upgraded(settings.store_url)
        if not dry_run:
            closed = leftovers.close_vanished(engine, now=now)
        is_over = leftovers.serves_nobody(engine, now=now)
        reaping = reap_ended(is_over=is_over, now=now, owner=whose, dry_run=dry_run)
    else:
        reaping = reap_ended(is_over=leftovers.process_vanished, now=now, owner=whose, dry_run=dry_run)
    for task_id in closed:
        _say(f"closed task {task_id}: its process vanished")
    for gone in reaping.removed:
        _say(
            f"{'would remove' if dry_run else 'removed'} {gone.kind} {gone.name} of task {gone.task_id}: {gone.reason}"
        )
    if not (reaping.removed or reaping.problems or closed):
        _say("nothing to remove")
    for problem in reaping.problems:
        typer.echo(f"not removed: {problem}", err=True)
    if reaping.problems:
        raise typer.Exit(EXIT_TRANSIENT)


@app.command()
def attach(
    which: Annotated[
        str, typer.Argument(metavar="ID", help="The sandbox's id or name, its task's id, or the start of one of them.")
    ],
) -> None:
    """Open a shell in a live sandbox, as its own user and behind its own walls.

    At a terminal, Ctrl-D or `exit` leaves it; the sandbox stays. Without a terminal, standard input is run as a
    script, and the exit code is the script's. The sandbox still ends at its deadline, and with its task.

    Examples: `repo-agent sandboxes attach 3f2a` and `echo 'ls -la repo' | repo-agent sandboxes attach 3f2a`
    """
    from repo_agent_dagster.sandbox import list_sandboxes
    from repo_agent_dagster.sandbox.commands.shell import run_script, run_terminal

    box = _the_one(which, list_sandboxes())
    left = "" if box.deadline is None else f"; it ends itself at {box.deadline:%H:%M:%S} UTC"
    typer.echo(f"sandbox {box.name} of task {box.task_id}, network {box.network}{left}", err=True)
    if sys.stdin.isatty() and sys.stdout.isatty():
        code = run_terminal(box.id)
    else:
        code = run_script(box.id, sys.stdin.fileno(), sys.stdout.buffer, sys.stderr.buffer)
    if code is None:
        over = box.deadline is not None and datetime.now(UTC) >= box.deadline
        why = "it ended itself at its deadline" if over else "its task is over, or somebody removed it"
        raise SandboxEnded(f"the sandbox {box.name} is gone while the shell was open: {why}")
    raise typer.Exit(code)


class SandboxEnded(PermanentFault):
    """A sandbox went away under the shell that was open in it."""


class NoSuchSandbox(PermanentFault):
    """What was given names no live sandbox, or more than one."""


def _the_one(which: str, living: "list[LiveSandbox]") -> "LiveSandbox":
    running = [box for box in living if box.status == "running"]
    exact = [box for box in running if which in (box.id, box.name, box.task_id)]
    near = [box for box in running if any(text.startswith(which) for text in (box.id, box.name, box.task_id))]
    found = exact or near
    if len(found) == 1:
        return found[0]
    if found:
        told = ", ".join(f"{box.id[:12]} (task {box.task_id})" for box in found)
        raise NoSuchSandbox(f"{which} fits {len(found)} sandboxes; give the id of one: {told}")
    raise NoSuchSandbox(f"no running sandbox has the id, name or task {which}; list them: repo-agent sandboxes list")


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
