"""`repo-agent reports targets`: where reports are published by themselves, and whether they get there."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from repo_agent_dagster.cli.report_options import AsJson, ReportRequestError, report_store, reports_environment, shown
from repo_agent_dagster.cli.report_publishing import SecretEnv, secret_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from repo_agent_dagster.store.report_targets import ReportTarget, TargetState

app = typer.Typer(help="Where reports are published by themselves, for one order or for all.", no_args_is_help=True)
console = Console()

TargetText = Annotated[str, typer.Argument(metavar="TARGET", help="As it was added, or its id.")]
OfOrder = Annotated[str | None, typer.Option("--order", help="Of this order alone; all orders and weeks if absent.")]


@app.command("list")
def listing(
    everything: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False, as_json: AsJson = False
) -> None:
    """List the targets: what got there, and what is wrong."""
    from repo_agent_dagster.store import report_targets
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(report_store()) as connection:
        states = report_targets.overview(connection, ended=everything)
    if as_json:
        _print_json([{**_as_json(one.target), **_fares(one)} for one in states])
        return
    if not states:
        console.print("reports are published nowhere; `repo-agent reports targets add TARGET` follows them")
        return
    table = Table(
        *("of", Column("target", overflow="fold"), Column("published", justify="right"), "last (UTC)", "state"),
        box=None,
        header_style="bold",
        pad_edge=False,
    )
    for state in states:
        last = f"{state.published_at:%Y-%m-%d %H:%M}" if state.published_at else "–"
        row = (state.target.document or "all", _text(state.target), str(state.published), last, _state(state))
        table.add_row(*map(shown, row))
    (console if console.is_terminal else Console(width=240)).print(table)


@app.command()
def add(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="file:FOLDER, artifact:PREFIX, github:owner/name, github:owner/name#12, or a URL."
        ),
    ],
    order: OfOrder = None,
    secret_env: SecretEnv = None,
) -> None:
    """Publish there from now on, whenever there is a new version. Adding it again changes nothing.

    All orders' reports: folders and the artifact store get those that there are, GitHub and webhooks only newer ones.

    Example: `repo-agent reports targets add github:acme/deliveries`
    """
    from repo_agent_dagster.reports.publishing.targets import parsed_target
    from repo_agent_dagster.store import report_targets
    from repo_agent_dagster.store.engine import write_transaction

    parsed, environment = parsed_target(target), reports_environment()
    secret_env = secret_of(environment, parsed.kind, secret_env)
    with write_transaction(environment.engine) as connection:
        added = report_targets.add(
            connection, _document(order), parsed.kind, parsed.address, secret_env=secret_env, now=environment.now()
        )
    signed = "" if added.kind != "webhook" else f", signed with ${secret_env}" if added.secret_env else ", unsigned"
    what = f"order {order}" if order else "all orders and weeks"
    console.print(shown(f"{what}: {parsed.text} is followed{signed}"), highlight=False, soft_wrap=True)


@app.command()
def remove(target: TargetText, order: OfOrder = None) -> None:
    """Publish there no more; what stands there stays. A target of the settings returns until it is unset."""
    from repo_agent_dagster.store import report_targets
    from repo_agent_dagster.store.engine import write_transaction

    environment = reports_environment()
    with write_transaction(environment.engine) as connection:
        for found in _found(connection, target, order):
            report_targets.end(connection, found.id, now=environment.now())
            what = found.document or "all orders and weeks"
            console.print(shown(f"{what}: {_text(found)} is followed no more"), highlight=False, soft_wrap=True)


@app.command()
def check(
    target: Annotated[str | None, typer.Argument(metavar="TARGET", help="One target; all if absent.")] = None,
    order: OfOrder = None,
    as_json: AsJson = False,
) -> None:
    """Look whether the targets could take reports, without sending any. Exit code 1 if one could not."""
    from repo_agent_dagster.reports.publishing.checking import trouble_with
    from repo_agent_dagster.reports.publishing.publisher import keep_targets
    from repo_agent_dagster.store import report_targets
    from repo_agent_dagster.store.engine import read_transaction

    environment = reports_environment()
    keep_targets(environment.engine, environment.means, now=environment.now())
    with read_transaction(environment.engine) as connection:
        chosen = report_targets.matching(connection) if target is None else _found(connection, target, order)
    checked = [(one, trouble_with(one, environment.means)) for one in chosen]
    if as_json:
        _print_json([{"target": _text(one), "problem": problem} for one, problem in checked])
    for one, problem in () if as_json else checked:
        mark = "[green]ok[/]" if problem is None else "[red]not ok[/]"
        told = f"{mark} {shown(_text(one))}" + (f": {shown(problem)}" if problem else "")
        console.print(told, highlight=False, soft_wrap=True)
    if any(problem for _, problem in checked):
        raise typer.Exit(1)


def _found(connection: "Connection", target: str, order: str | None) -> "list[ReportTarget]":
    from repo_agent_dagster.store import report_targets

    document = _document(order) if order is not None else None
    targets = report_targets.matching(connection, document=document)
    same = [one for one in targets if target in (one.id, _text(one))]
    if not same and not target.startswith(("http://", "https://")) and ":" in target:
        from repo_agent_dagster.reports.publishing.targets import parsed_target

        parsed = parsed_target(target)  # a folder is kept absolute
        same = [one for one in targets if (one.kind, one.address) == (parsed.kind, parsed.address)]
    if not same:
        raise ReportRequestError(f"{target!r} is no target; `repo-agent reports targets list` shows them")
    return same if order is not None else [one for one in same if not one.document] or same


def _document(order: str | None) -> str:
    return "" if order is None else f"order {order}"


def _text(target: "ReportTarget") -> str:
    from repo_agent_dagster.reports.publishing.targets import Target

    return Target(target.kind, target.address).text


def _state(state: "TargetState") -> str:
    if state.target.ended_at is not None:
        return f"ended {state.target.ended_at:%m-%d %H:%M}"
    return f"{state.troubled} with a problem, e.g. {state.problem}" if state.problem else "ok"


def _fares(state: "TargetState") -> dict[str, Any]:
    return {
        "published": state.published,
        "troubled": state.troubled,
        "problem": state.problem,
        "publishedAt": state.published_at,
    }


def _as_json(target: "ReportTarget") -> dict[str, Any]:
    from repo_agent_dagster.cli.report_options import camel

    return camel(asdict(target)) | {"target": _text(target)}


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=lambda one: one.isoformat()))
