"""`repo-agent`: start the system, feed its queue, and ask what happened."""

from typing import Annotated

import typer

from repo_agent_dagster import __version__
from repo_agent_dagster.cli import (
    api,
    approvals,
    cache,
    clean,
    db,
    demo,
    notifications,
    ops,
    reports,
    sandboxes,
    show_settings,
    task,
    up,
    workspaces,
)
from repo_agent_dagster.cli.errors import FaultTellingGroup

app = typer.Typer(
    name="repo-agent",
    cls=FaultTellingGroup,
    help="The control plane for AI work on repositories. Start with `repo-agent demo`, then `repo-agent up`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)
app.command("demo")(demo.demo)
app.command("up")(up.up)
app.command("api")(api.api)
app.command("clean")(clean.clean)
app.command("settings")(show_settings.settings)
app.add_typer(task.app, name="task")
app.add_typer(approvals.app, name="approvals")
app.add_typer(ops.app, name="ops")
app.add_typer(reports.app, name="reports")
app.add_typer(sandboxes.app, name="sandboxes")
app.add_typer(cache.app, name="cache")
app.add_typer(notifications.app, name="notifications")
app.add_typer(workspaces.app, name="workspaces")
app.add_typer(db.app, name="db")


def _version(show: bool) -> None:
    if show:
        typer.echo(f"repo-agent-dagster {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Exit codes: 0 done, 1 the work failed, 2 wrong input, 3 it could not be judged, 75 try again later."""


if __name__ == "__main__":
    app()
