"""`repo-agent notifications`: who is told of patch events, what waits for them, and what they refused."""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.store.notifications import NotificationTarget, TargetState

app = typer.Typer(help="Tell others of patch events: a URL for all of them, or for one batch.", no_args_is_help=True)
console = Console()

_DELIVER_SECONDS = 60.0

AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]
TargetId = Annotated[str, typer.Argument(help="The target's id, or enough of its start or end to be unique.")]


@app.command("list")
def listing(
    everything: Annotated[bool, typer.Option("--all", help="Ended targets too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, those for all events first, then the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the targets: what waits for them, what is parked, and what went wrong last."""
    from repo_agent_dagster.store import notifications
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(_engine()) as conn:
        states = notifications.overview(conn, ended=everything, limit=limit)
    if as_json:
        _print_json([_as_json(state) for state in states])
        return
    if not states:
        console.print("no notification targets; `repo-agent notifications subscribe URL` makes one")
        return
    whole = Column("id", no_wrap=True, min_width=36)
    table = Table(whole, "of", "waiting", "parked", "state", "url", box=None, header_style="bold", pad_edge=False)
    for state in states:
        target = state.target
        of = f"batch {target.batch_id}" if target.batch_id else "all"
        row = (target.id, of, str(state.waiting), str(state.parked), escape(_told(state)), escape(target.url))
        table.add_row(*row)
    (console if console.is_terminal else Console(width=240)).print(table)


@app.command()
def subscribe(
    url: Annotated[str, typer.Argument(help="Where events are posted to: http or https.")],
    batch: Annotated[
        str | None, typer.Option("--batch", help="Only this batch's events; all from now on if absent.")
    ] = None,
    secret_env: Annotated[
        str | None,
        typer.Option("--secret-env", help="The environment variable with the secret to sign with, not the secret."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell a URL of patch events from now on; the same again changes nothing but the secret's name.

    Example: `repo-agent notifications subscribe https://hooks.example/patches --secret-env REPO_AGENT_NOTIFY_SECRET`
    """
    from repo_agent_dagster.notify import SECRET_ENV
    from repo_agent_dagster.notify import subscribe as subscribe_target

    if secret_env is None and Settings().notify_secret.get_secret_value():
        secret_env = SECRET_ENV
    target = subscribe_target(_engine(), url, now=_now(), batch_id=batch, secret_env=secret_env)
    if as_json:
        _print_json(asdict(target))
        return
    signed = f"signed with ${target.secret_env}" if target.secret_env else "unsigned"
    console.print(f"{target.id}: {escape(target.url)} is told, {signed}", highlight=False, soft_wrap=True)


@app.command()
def deliver(
    seconds: Annotated[float, typer.Option(min=0.1, help="Stop after about this long.")] = _DELIVER_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Deliver what is due now, in this process. A running `repo-agent up` does so by itself.

    Exit code 75 if something could not be delivered: it is tried again later, by whoever delivers then.
    """
    from repo_agent_dagster.cli.errors import EXIT_TRANSIENT
    from repo_agent_dagster.notify import SECRET_ENV
    from repo_agent_dagster.notify import deliver as deliver_due
    from repo_agent_dagster.notify import subscribe as subscribe_target

    engine, settings = _engine(), Settings()
    if settings.notify_url:
        secret_env = SECRET_ENV if settings.notify_secret.get_secret_value() else None
        subscribe_target(engine, settings.notify_url, now=_now(), secret_env=secret_env)
    done = deliver_due(engine, clock=_now, secrets=os.environ, chance=SystemRandom(), budget_seconds=seconds)
    if as_json:
        _print_json(asdict(done))
    else:
        console.print(f"{done.delivered} event(s) delivered, {done.parked} parked", highlight=False)
        for problem in done.problems:
            console.print(f"  {escape(problem)}", style="yellow", highlight=False, soft_wrap=True)
    if not done.is_complete:
        raise typer.Exit(EXIT_TRANSIENT)


@app.command()
def parked(
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the events that a target refused again and again; those after them went on."""
    from repo_agent_dagster.store import notifications
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(_engine()) as conn:
        found = notifications.parked(conn, limit=limit)
    if as_json:
        _print_json([asdict(one) for one in found])
        return
    if not found:
        console.print("nothing is parked")
        return
    whole = Column("target", no_wrap=True, min_width=36)
    table = Table(whole, "event", "since (UTC)", "tried again", "why", box=None, header_style="bold", pad_edge=False)
    for one in found:
        again = f"{one.retry_at:%m-%d %H:%M}" if one.retry_at else "on request"
        table.add_row(one.target_id, str(one.event_id), f"{one.parked_at:%m-%d %H:%M}", again, escape(one.error))
    (console if console.is_terminal else Console(width=240)).print(table)


@app.command()
def retry(
    target: Annotated[str | None, typer.Argument(help="One target, by its id; all if absent.")] = None,
) -> None:
    """Make what waits and what is parked due at once; `deliver`, or a running `repo-agent up`, then sends it."""
    from repo_agent_dagster.store import notifications
    from repo_agent_dagster.store.engine import write_transaction

    with write_transaction(_engine()) as conn:
        target_id = None if target is None else _find(conn, target).id
        count = notifications.retry(conn, now=_now(), target_id=target_id)
    console.print(f"all is due now, {count} parked event(s) among it", highlight=False)


@app.command()
def end(target: TargetId) -> None:
    """Tell a target no more; what waits for it is not sent. The target of the settings returns until it is unset."""
    from repo_agent_dagster.store import notifications
    from repo_agent_dagster.store.engine import write_transaction

    with write_transaction(_engine()) as conn:
        found = _find(conn, target)
        if not notifications.end(conn, found.id, now=_now()):
            raise PermanentFault(f"target {found.id} ended before, at {found.ended_at}")
    console.print(f"{escape(found.url)} is told no more", highlight=False, soft_wrap=True)


def _engine() -> "Engine":
    from repo_agent_dagster.store.revision import open_upgraded

    return open_upgraded(Settings().store_url)


def _find(conn: Any, target_id: str) -> "NotificationTarget":
    from repo_agent_dagster.store import notifications

    found = notifications.get(conn, target_id)
    if found is not None:
        return found
    targets = [state.target for state in notifications.overview(conn, ended=True, limit=10_000)]
    near = [one for one in targets if one.id.startswith(target_id) or one.id.endswith(target_id)]
    if len(near) == 1:
        return near[0]
    raise PermanentFault(
        f"no notification target {target_id}; `repo-agent notifications list` shows them"
        if not near
        else f"{target_id} fits {len(near)} targets; give more of the id"
    )


def _told(state: "TargetState") -> str:
    target = state.target
    if target.ended_at is not None:
        return f"ended {target.ended_at:%m-%d %H:%M}"
    if target.last_error is not None and target.next_attempt_at is not None:
        return f"failed {target.attempts} time(s), again at {target.next_attempt_at:%H:%M:%S}: {target.last_error}"
    return "active"


def _as_json(state: "TargetState") -> dict[str, Any]:
    return {**asdict(state.target), "waiting": state.waiting, "parked": state.parked}


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, default=lambda one: one.isoformat()))


def _now() -> datetime:
    return datetime.now(UTC)
