"""`patchctl apply --batches`: many batches, one JSON object a line, each applied or refused by itself."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from repo_agent_dagster.cli.patch_options import Change

if TYPE_CHECKING:
    from repo_agent_dagster.contracts.custody import Custody
    from repo_agent_dagster.contracts.faults import PermanentFault
    from repo_agent_dagster.contracts.patches import PatchBatch
    from repo_agent_dagster.patching import BatchResult, Workspace


def apply_lines(change: Change, source: str) -> None:
    """Apply the batches in a file of JSON lines; ``-`` is stdin. The exit code is that of the first that was refused.

    Without checks they are made durable together, which is many times faster than one by one.
    """
    from repo_agent_dagster.cli.patch_view import exit_code, show_outcomes, telling_faults
    from repo_agent_dagster.cli.signals import interrupt_on_signals
    from repo_agent_dagster.contracts.faults import PermanentFault

    with telling_faults(change.as_json):
        from repo_agent_dagster.cli.patch_input import custody_of, read_batches, workspace_of
        from repo_agent_dagster.cli.patch_notify import notifying
        from repo_agent_dagster.patching import InvalidPatch

        if change.dry_run:
            raise InvalidPatch("--dry-run shows one batch; give it with --batch")
        if change.notify is not None:
            raise InvalidPatch("--notify tells of one batch; for many, set REPO_AGENT_NOTIFY_URL")
        batches = read_batches(source, change.of_batch())
        workspace = workspace_of(change.workspace)
        custody = custody_of(workspace, change.database_url, offline=change.offline)
        interrupt_on_signals()
        with notifying(None, custody, change.database_url):
            outcomes = _applied(change, workspace, batches, custody)
        show_outcomes(outcomes, change.as_json)
    refused = next((outcome for outcome in outcomes if isinstance(outcome, PermanentFault)), None)
    if refused is not None:
        raise typer.Exit(exit_code(refused))


def _applied(
    change: Change, workspace: "Workspace", batches: "list[PatchBatch]", custody: "Custody"
) -> "list[BatchResult | PermanentFault]":
    from repo_agent_dagster.cli.patch_check import checker_of
    from repo_agent_dagster.contracts.faults import PermanentFault
    from repo_agent_dagster.patching import apply_batch, apply_batches

    asked = {repr(batch.check): batch for batch in batches}.values()
    if not any(checker_of(change, workspace.root, batch) for batch in asked):
        return apply_batches(
            workspace, batches, custody=custody, now=datetime.now(UTC), lock_timeout_seconds=change.lock_timeout
        )
    outcomes: list[BatchResult | PermanentFault] = []
    for batch in batches:
        try:
            outcome: BatchResult | PermanentFault = apply_batch(
                workspace,
                batch,
                custody=custody,
                now=datetime.now(UTC),
                checker=checker_of(change, workspace.root, batch),
                lock_timeout_seconds=change.lock_timeout,
            )
        except PermanentFault as fault:
            outcome = fault
        outcomes.append(outcome)
    return outcomes
