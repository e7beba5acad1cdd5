"""What `patchctl` does with a batch, wherever it comes from: apply it, or show what it would do."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.cli.patch_options import Change

if TYPE_CHECKING:
    from repo_agent_dagster.contracts.patches import PatchBatch


def apply_file(change: Change, source: str) -> None:
    """Apply the batch in a JSON file; ``-`` is stdin."""

    def read(options: dict[str, Any]) -> "PatchBatch":
        from repo_agent_dagster.cli.patch_input import read_batch

        return read_batch(source, options)

    _apply(change, read)


def apply_one(change: Change, op: str, *, texts: dict[str, str | None] | None = None, **fields: Any) -> None:
    """Apply one operation, given by its fields in the batch's own names; None is a field that was not given.

    `texts` are fields whose text is in a file, and the file's name; ``-`` is stdin.
    """
    asked = {"op": op, **{name: value for name, value in fields.items() if value is not None}}

    def read(options: dict[str, Any]) -> "PatchBatch":
        from repo_agent_dagster.cli.patch_input import batch_of, read_text
        from repo_agent_dagster.patching import InvalidPatch

        for name, source in (texts or {}).items():
            if source is not None and name in asked:
                raise InvalidPatch(f"give --{name} or --{name}-file, not both")
            if source is not None:
                asked[name] = read_text(source)
        return batch_of({**options, "patches": [asked]})

    _apply(change, read)


def _apply(change: Change, read: Callable[[dict[str, Any]], "PatchBatch"]) -> None:
    from repo_agent_dagster.cli.patch_view import show_result, telling_faults
    from repo_agent_dagster.cli.signals import interrupt_on_signals

    with telling_faults(change.as_json):
        from repo_agent_dagster.cli.patch_check import checker_of
        from repo_agent_dagster.cli.patch_input import custody_of, workspace_of
        from repo_agent_dagster.cli.patch_notify import notifying
        from repo_agent_dagster.patching import apply_batch
        from repo_agent_dagster.store.ids import new_id

        batch = read(change.of_batch())
        workspace = workspace_of(change.workspace)
        checker = checker_of(change, workspace.root, batch)
        custody = custody_of(workspace, change.database_url, offline=change.offline)
        batch_id = new_id()
        is_told = not (change.dry_run or batch.dry_run)
        interrupt_on_signals()
        telling = notifying(change.notify, custody, change.database_url, batch_id=batch_id)
        with telling if is_told else nullcontext():
            result = apply_batch(
                workspace,
                batch,
                custody=custody,
                now=datetime.now(UTC),
                checker=checker,
                dry_run=change.dry_run,
                lock_timeout_seconds=change.lock_timeout,
                batch_id=batch_id,
            )
        show_result(result, change.as_json)
