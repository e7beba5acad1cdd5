"""`repo-agent workspaces`: which checkouts are known here, what they are checked by, and which of them are trusted."""

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from repo_agent_dagster.cli.errors import FaultTellingGroup
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.contracts.patches import Check
    from repo_agent_dagster.contracts.workspaces import RegisteredWorkspace

app = typer.Typer(
    cls=FaultTellingGroup,
    help="Register checkouts: what their batches are checked by, and whether that check may run on the host.",
    no_args_is_help=True,
)
console = Console()

AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]
Which = Annotated[str, typer.Argument(help="Its name, or its path.")]


class UnknownWorkspace(PermanentFault):
    """No workspace is registered by that name or at that path."""


@app.command()
def add(
    path: Annotated[Path, typer.Argument(help="The checkout's root folder.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it; default: its folder's name.")] = None,
    check: Annotated[
        Literal["python", "tsc", "node"] | None, typer.Option("--check", help="What its batches are checked by.")
    ] = None,
    check_command: Annotated[
        str | None, typer.Option("--check-command", help="A command to check by, split into words; no shell.")
    ] = None,
    trusted: Annotated[
        bool,
        typer.Option(
            "--trusted",
            help="Run this check on the host instead of in a sandbox: everything in the checkout that the check runs,"
            " loads or is configured by can then do what you can, also what an agent patched there.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Register a checkout, or change what is registered of it: what is not given is taken away, but for its name.

    Example: `repo-agent workspaces add ~/shop --check tsc`
    """
    from repo_agent_dagster.store import workspaces
    from repo_agent_dagster.store.engine import write_transaction

    if not path.is_dir():
        raise PermanentFault(f"{path} is no folder; give the root of a checkout")
    wanted = _check(check, check_command)
    if trusted and wanted is None:
        raise PermanentFault("--trusted is about the workspace's own check; give that with --check or --check-command")
    with write_transaction(_engine()) as conn:
        made = workspaces.register(conn, path, now=datetime.now(UTC), name=name, check=wanted, trusted=trusted)
    _show_one(made, as_json)


@app.command("list")
def listing(as_json: AsJson = False) -> None:
    """List the registered workspaces."""
    from repo_agent_dagster.store import workspaces
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(_engine()) as conn:
        found = workspaces.listing(conn)
    if as_json:
        typer.echo(json.dumps([_as_json(one) for one in found], indent=2))
    elif not found:
        typer.echo("no workspaces; register one: repo-agent workspaces add PATH")
    else:
        table = Table("name", "check", "runs", "root", box=None, header_style="bold")
        for one in found:
            table.add_row(Text(one.name), Text(_check_text(one)), _where(one), Text(str(one.root), overflow="fold"))
        console.print(table)


@app.command()
def show(workspace: Which, as_json: AsJson = False) -> None:
    """Show one workspace."""
    _show_one(_find(workspace), as_json)


@app.command()
def remove(workspace: Which) -> None:
    """Forget a workspace. Its files and the record of its patches stay; its batches are unchecked by default."""
    from repo_agent_dagster.store import workspaces
    from repo_agent_dagster.store.engine import write_transaction

    found = _find(workspace)
    with write_transaction(_engine()) as conn:
        workspaces.remove(conn, found.id)
    typer.echo(f"forgot {found.name} at {found.root}")


def _engine() -> "Engine":
    from repo_agent_dagster.store.revision import open_upgraded

    return open_upgraded(Settings().store_url)


def _find(name_or_root: str) -> "RegisteredWorkspace":
    from repo_agent_dagster.store import workspaces
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(_engine()) as conn:
        found = workspaces.find(conn, name_or_root)
    if found is None:
        raise UnknownWorkspace(
            f"no workspace {name_or_root!r} is registered; `repo-agent workspaces list` shows those that are"
        )
    return found


def _check(name: Literal["python", "tsc", "node"] | None, command: str | None) -> "Check | None":
    from repo_agent_dagster.contracts.patches import CommandCheck

    if command is None:
        return name
    if name is not None:
        raise PermanentFault("give either --check or --check-command")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise PermanentFault(f"--check-command {command!r} cannot be split into words: {error}") from error
    if not words:
        raise PermanentFault("--check-command is empty; give a command, or leave it out")
    return CommandCheck(command=words)


def _show_one(workspace: "RegisteredWorkspace", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_as_json(workspace), indent=2))
        return
    console.print(
        Text.assemble((workspace.name, "bold"), f" at {workspace.root}\ncheck: {_check_text(workspace)}"),
        soft_wrap=True,
        highlight=False,
    )
    if workspace.check is not None:
        console.print(f"it runs {_where(workspace)}", highlight=False)


def _check_text(workspace: "RegisteredWorkspace") -> str:
    from repo_agent_dagster.contracts.workspaces import check_name

    return "none" if workspace.check is None else check_name(workspace.check)


def _where(workspace: "RegisteredWorkspace") -> str:
    if workspace.check is None:
        return "–"
    return "on the host (trusted)" if workspace.trusted else "in a sandbox"


def _as_json(workspace: "RegisteredWorkspace") -> dict[str, Any]:
    from repo_agent_dagster.contracts.workspaces import check_to_json

    return {
        "id": workspace.id,
        "name": workspace.name,
        "root": str(workspace.root),
        "check": check_to_json(workspace.check),
        "trusted": workspace.trusted,
        "createdAt": workspace.created_at.isoformat(),
        "updatedAt": workspace.updated_at.isoformat(),
    }
