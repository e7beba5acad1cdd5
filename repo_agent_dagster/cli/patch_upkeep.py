"""The `patchctl` commands that look after a workspace: recover, ship, prune."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from repo_agent_dagster.cli.patch_options import DatabaseOption, JsonOption, LockOption, OfflineOption, WorkspaceOption


def add_to(app: typer.Typer, panel: str) -> None:
    """Add the commands to `patchctl`."""
    for name, command in _COMMANDS.items():
        app.command(name, rich_help_panel=panel)(command)


def _recover(
    offline: OfflineOption = False,
    workspace: WorkspaceOption = Path(),
    lock_timeout: LockOption = 10.0,
    database_url: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Finish or undo what an interrupted batch left; every other command that writes does this by itself."""
    from repo_agent_dagster.cli.patch_view import print_json, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.cli.patch_input import custody_of
        from repo_agent_dagster.patching import Workspace, recover_workspace

        place = Workspace(workspace)
        custody = custody_of(place, database_url, offline=offline)
        done = recover_workspace(place, custody=custody, now=datetime.now(UTC), lock_timeout_seconds=lock_timeout)
        if as_json:
            print_json({"recovered": done})
        else:
            typer.echo(done or "nothing to recover")


def _ship(
    workspace: WorkspaceOption = Path(),
    lock_timeout: LockOption = 10.0,
    database_url: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ship what was recorded with --offline to the store; every online command that writes does this by itself."""
    from repo_agent_dagster.cli.patch_view import print_json, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.cli.patch_input import CustodyOnDemand
        from repo_agent_dagster.patching import Workspace, ship_spool

        custody = CustodyOnDemand(database_url)
        shipped = ship_spool(
            Workspace(workspace), custody=custody, now=datetime.now(UTC), lock_timeout_seconds=lock_timeout
        )
        if as_json:
            print_json({"shippedEvents": shipped})
        else:
            typer.echo(f"shipped {shipped} event(s)" if shipped else "nothing to ship")


def _prune(
    keep_mb: Annotated[int, typer.Option("--keep-mb", min=0, help="How much of the newest to keep, in MiB.")] = 512,
    workspace: WorkspaceOption = Path(),
    lock_timeout: LockOption = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Remove the oldest kept contents: reverting three ways and replaying need them, plain reverts do not."""
    from repo_agent_dagster.cli.patch_view import print_json, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.patching import Workspace
        from repo_agent_dagster.patching.disk.pruning import prune_workspace

        removed = prune_workspace(Workspace(workspace), keep_mb * 1024 * 1024, lock_timeout_seconds=lock_timeout)
        if as_json:
            print_json({"removedBytes": removed})
        else:
            typer.echo(f"removed {removed / 1024 / 1024:.1f} MiB of kept contents")


_COMMANDS: dict[str, Callable[..., None]] = {"recover": _recover, "ship": _ship, "prune": _prune}
