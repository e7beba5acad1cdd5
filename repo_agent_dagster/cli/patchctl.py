"""`patchctl`: surgical patches on a workspace from a terminal, a script or an agent.

What is heavy (the contracts, the engine, the store) is imported by the command that needs it: `--help` is instant.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from repo_agent_dagster.cli.patch_options import (
    Change,
    DatabaseOption,
    JsonOption,
    LockOption,
    WorkspaceOption,
    takes_change,
)

if TYPE_CHECKING:
    from repo_agent_dagster.contracts.patches import PatchBatch

_HELP = """Apply surgical patches to a workspace: all or nothing, on record, and reversible.

A *patch* is one operation on one file; a *batch* is an ordered set of them that is applied as a whole. Lines count
from 1 and mean the file as it was before the batch. `patchctl schema` prints the JSON Schema of a batch.

Try it: `patchctl plan --batch batch.json`, then `patchctl apply --batch batch.json`, and to take it back
`patchctl revert --batch ID`.

Exit codes: 0 applied · 2 invalid request · 3 conflict, nothing written · 4 check failed, reverted ·
5 workspace locked · 6 internal: the store or the disk, nothing written.
"""

app = typer.Typer(
    name="patchctl",
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)

FileOption = Annotated[str, typer.Option("--file", help="Path relative to the workspace.")]
BlockOption = Annotated[str | None, typer.Option("--block", help="The text.")]
BlockFileOption = Annotated[
    str | None, typer.Option("--block-file", help="A file that holds the text, relative to this folder; - is stdin.")
]
OpenSpaceOption = Annotated[bool, typer.Option("--open-space", help="Fit the block's indentation to its surroundings.")]
TaskOption = Annotated[str | None, typer.Option("--task-id", help="The task that this belongs to.")]
LineOption = Annotated[int, typer.Option("--line", min=1, help="The line, from 1.")]
BatchFileOption = Annotated[str, typer.Option("--batch", help="A JSON file with the batch; - is stdin.")]


@app.callback()
def main() -> None:
    """Hold the commands together; the help is the app's."""


@app.command()
@takes_change
def apply(change: Change, batch: BatchFileOption) -> None:
    """Apply a batch of patches, all or none.

    Example: `patchctl apply --batch batch.json --order 42 --check python`
    """
    _apply_file(change, batch)


@app.command()
@takes_change
def plan(change: Change, batch: BatchFileOption) -> None:
    """Show the diff that a batch would make; writes and records nothing."""
    _apply_file(replace(change, dry_run=True), batch)


@app.command("replace-block")
@takes_change
def replace_block(
    change: Change,
    file: FileOption,
    start: Annotated[int, typer.Option("--start", min=1, help="The first line, from 1.")],
    end: Annotated[int, typer.Option("--end", min=1, help="The last line, included.")],
    block: BlockOption = None,
    block_file: BlockFileOption = None,
    open_space: OpenSpaceOption = False,
    task_id: TaskOption = None,
) -> None:
    """Replace lines START to END by the block; an empty block deletes them."""
    _apply_one(change, "replace-block", file, block, block_file, task_id, start=start, end=end, openSpace=open_space)


@app.command("insert-before")
@takes_change
def insert_before(
    change: Change,
    file: FileOption,
    line: LineOption,
    block: BlockOption = None,
    block_file: BlockFileOption = None,
    open_space: OpenSpaceOption = False,
    task_id: TaskOption = None,
) -> None:
    """Insert the block before a line."""
    _apply_one(change, "insert-before", file, block, block_file, task_id, line=line, openSpace=open_space)


@app.command("insert-after")
@takes_change
def insert_after(
    change: Change,
    file: FileOption,
    line: LineOption,
    block: BlockOption = None,
    block_file: BlockFileOption = None,
    open_space: OpenSpaceOption = False,
    task_id: TaskOption = None,
) -> None:
    """Insert the block after a line."""
    _apply_one(change, "insert-after", file, block, block_file, task_id, line=line, openSpace=open_space)


@app.command()
@takes_change
def append(
    change: Change,
    file: FileOption,
    block: BlockOption = None,
    block_file: BlockFileOption = None,
    task_id: TaskOption = None,
) -> None:
    """Add the block at the end of a file."""
    _apply_one(change, "append", file, block, block_file, task_id)


@app.command()
@takes_change
def prepend(
    change: Change,
    file: FileOption,
    block: BlockOption = None,
    block_file: BlockFileOption = None,
    task_id: TaskOption = None,
) -> None:
    """Add the block at the start of a file."""
    _apply_one(change, "prepend", file, block, block_file, task_id)


@app.command()
def revert(
    patches: Annotated[list[str] | None, typer.Argument(help="Patches of one batch, by id.")] = None,
    batch: Annotated[str | None, typer.Option("--batch", help="A whole batch, by its id.")] = None,
    workspace: WorkspaceOption = Path(),
    lock_timeout: LockOption = 10.0,
    database_url: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Undo patches, byte for byte; refused if the files are no longer what the patches left."""
    from repo_agent_dagster.cli.patch_view import show_result, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.cli.patch_input import CustodyOnDemand
        from repo_agent_dagster.patching import InvalidPatch, Workspace
        from repo_agent_dagster.patching import revert as take_back

        if (batch is None) == (not patches):
            raise InvalidPatch("give either patch ids or --batch ID")
        result = take_back(
            Workspace(workspace),
            batch if batch is not None else list(patches or ()),
            custody=CustodyOnDemand(database_url),
            now=_now(),
            lock_timeout_seconds=lock_timeout,
        )
        show_result(result, as_json, verb="reverted patches of")


@app.command()
def recover(
    workspace: WorkspaceOption = Path(),
    lock_timeout: LockOption = 10.0,
    database_url: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Finish or undo what an interrupted batch left; every other command that writes does this by itself."""
    from repo_agent_dagster.cli.patch_view import print_json, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.cli.patch_input import CustodyOnDemand
        from repo_agent_dagster.patching import Workspace, recover_workspace

        custody = CustodyOnDemand(database_url)
        done = recover_workspace(Workspace(workspace), custody=custody, now=_now(), lock_timeout_seconds=lock_timeout)
        if as_json:
            print_json({"recovered": done})
        else:
            typer.echo(done or "nothing to recover")


@app.command()
def log(
    order: Annotated[str | None, typer.Option("--order", help="Only this order's patches.")] = None,
    batch: Annotated[str | None, typer.Option("--batch", help="Only this batch's patches.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest first.")] = 50,
    workspace: WorkspaceOption = Path(),
    everywhere: Annotated[bool, typer.Option("--all", help="Of all workspaces, not only this one.")] = False,
    database_url: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """List patches and what became of them, the newest first."""
    from repo_agent_dagster.cli.patch_view import show_log, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.cli.patch_input import open_engine
        from repo_agent_dagster.patching import Workspace
        from repo_agent_dagster.store import patch_events
        from repo_agent_dagster.store.engine import read_transaction

        name = None if everywhere else Workspace(workspace).name
        with read_transaction(open_engine(database_url)) as conn:
            found = patch_events.activity(conn, order_id=order, batch_id=batch, workspace=name, limit=limit)
        show_log(found, as_json)


@app.command()
def show(
    patch: Annotated[str, typer.Argument(help="The patch's id.")],
    workspace: WorkspaceOption = Path(),
    database_url: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show one patch: its events and its diff."""
    from repo_agent_dagster.cli.patch_view import show_patch, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.cli.patch_input import open_engine
        from repo_agent_dagster.patching import UnknownPatch
        from repo_agent_dagster.store import patch_events
        from repo_agent_dagster.store.engine import read_transaction

        with read_transaction(open_engine(database_url)) as conn:
            events = patch_events.listing(conn, patch_id=patch)
        if not events:
            raise UnknownPatch(f"patch {patch} is not on record in this database")
        kept = next((event.diff_path for event in reversed(events) if event.diff_path), None)
        path = None if kept is None else workspace / kept
        diff = path.read_text("utf-8", "replace") if path is not None and path.is_file() else None
        show_patch(events, diff, as_json)


@app.command()
def verify(
    workspace: WorkspaceOption = Path(),
    everywhere: Annotated[bool, typer.Option("--all", help="Of all workspaces, not only this one.")] = False,
    database_url: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Prove the custody chain: no event was edited, deleted or slipped in. Exit code 3 if one was."""
    from repo_agent_dagster.cli.patch_view import EXIT_CONFLICT, print_json, telling_faults

    with telling_faults(as_json):
        from dataclasses import asdict

        from repo_agent_dagster.cli.patch_input import open_engine
        from repo_agent_dagster.patching import Workspace
        from repo_agent_dagster.store import patch_events
        from repo_agent_dagster.store.engine import read_transaction

        with read_transaction(open_engine(database_url)) as conn:
            names = patch_events.workspaces(conn) if everywhere else [Workspace(workspace).name]
            verdicts = {name: patch_events.verify_chain(conn, name) for name in names}
        if as_json:
            print_json([{"workspace": name, **asdict(verdict)} for name, verdict in verdicts.items()])
        else:
            for name, verdict in verdicts.items():
                typer.echo(f"{name}: {verdict.problem or f'{verdict.checked} events, the chain is whole'}")
        if not all(verdict.ok for verdict in verdicts.values()):
            raise typer.Exit(EXIT_CONFLICT)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a batch, for agents and editors."""
    from repo_agent_dagster.cli.patch_view import print_json
    from repo_agent_dagster.contracts.patches import PatchBatch

    print_json(PatchBatch.model_json_schema())


def _apply(change: Change, read: Callable[[dict[str, Any]], "PatchBatch"]) -> None:
    """Apply what `read` gives; it is handed what the command line says of the batch, in the batch's own names."""
    from repo_agent_dagster.cli.patch_view import show_result, telling_faults
    from repo_agent_dagster.cli.signals import interrupt_on_signals

    with telling_faults(change.as_json):
        from repo_agent_dagster.cli.patch_input import CustodyOnDemand
        from repo_agent_dagster.patching import PythonSyntaxChecker, Workspace, apply_batch

        asked = {"orderId": change.order, "requester": change.requester, "reason": change.reason, "phase": change.phase}
        batch = read({name: value for name, value in asked.items() if value is not None})
        interrupt_on_signals()
        result = apply_batch(
            Workspace(change.workspace),
            batch,
            custody=CustodyOnDemand(change.database_url),
            now=_now(),
            checker=PythonSyntaxChecker() if change.check == "python" else None,
            dry_run=change.dry_run,
            lock_timeout_seconds=change.lock_timeout,
        )
        show_result(result, change.as_json)


def _apply_file(change: Change, source: str) -> None:
    def read(options: dict[str, Any]) -> "PatchBatch":
        from repo_agent_dagster.cli.patch_input import read_batch

        return read_batch(source, options)

    _apply(change, read)


def _apply_one(
    change: Change,
    op: Literal["replace-block", "insert-before", "insert-after", "append", "prepend"],
    file: str,
    block: str | None,
    block_file: str | None,
    task_id: str | None,
    **coordinates: int | bool,
) -> None:
    asked = {"op": op, "file": file, "block": block, "blockFile": block_file, "taskId": task_id, **coordinates}

    def read(options: dict[str, Any]) -> "PatchBatch":
        from repo_agent_dagster.cli.patch_input import batch_of

        return batch_of({**options, "patches": [{name: value for name, value in asked.items() if value is not None}]})

    _apply(change, read)


def _now() -> datetime:
    return datetime.now(UTC)
