"""What `patchctl` checks a batch by: what was typed, what the batch asks for, or the workspace's own check."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from repo_agent_dagster.cli.patch_options import Change
from repo_agent_dagster.contracts.faults import TransientFault
from repo_agent_dagster.contracts.patches import Check, CommandCheck, PatchBatch
from repo_agent_dagster.patching import InvalidPatch

if TYPE_CHECKING:
    from repo_agent_dagster.contracts.workspaces import RegisteredWorkspace
    from repo_agent_dagster.patching import Checker


def checker_of(change: Change, root: Path, batch: PatchBatch) -> "Checker | None":
    """Return the check of a batch, or None; a dry run has none.

    Raises:
        InvalidPatch: the options contradict each other, or the command cannot be split into words.
        CustodyUnavailable: the store, which knows the workspace's own check, cannot be reached.
    """
    typed = typed_check(change)
    if change.no_check or change.dry_run or batch.dry_run:
        return None
    registered = _registered(change, root)
    if typed is None and batch.check is None and (registered is None or registered.check is None):
        if change.trusted:
            raise InvalidPatch("--trusted is about a check, and there is none: give --check or --check-command")
        return None
    from repo_agent_dagster.pathways.patch_checks.workspace_checks import check_limits, checker_for
    from repo_agent_dagster.settings import Settings

    limits = check_limits(Settings())
    return checker_for(root, batch, limits, registered=registered, typed=typed, trusted=change.trusted)


def _registered(change: Change, root: Path) -> "RegisteredWorkspace | None":
    """Return what the store knows of the workspace; offline, nothing if it does not answer, which is said."""
    from repo_agent_dagster.cli.patch_input import registered_workspace

    try:
        return registered_workspace(change.database_url, root)
    except TransientFault as error:
        if not change.offline:
            raise
        typer.echo(f"the workspace's own check is not known offline, so it is not run: {error}", err=True)
        return None


def typed_check(change: Change) -> Check | None:
    """Return the check that the command line gives.

    Raises:
        InvalidPatch: it gives several, or a command that cannot be split into words.
    """
    if sum((change.check is not None, change.check_command is not None, change.no_check)) > 1:
        raise InvalidPatch("give one of --check, --check-command and --no-check")
    if change.check_command is None:
        return change.check
    try:
        words = shlex.split(change.check_command)
    except ValueError as error:
        raise InvalidPatch(f"--check-command {change.check_command!r} cannot be split into words: {error}") from error
    if not words:
        raise InvalidPatch("--check-command is empty; give a command, or leave it out")
    return CommandCheck(command=words)
