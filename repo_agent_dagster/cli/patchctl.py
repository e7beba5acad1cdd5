"""`patchctl`: surgical patches on a workspace from a terminal, a script or an agent.

What is heavy (the contracts, the engine, the store) is imported by the command that needs it: `--help` is instant.
"""

from dataclasses import replace
from typing import Annotated

import typer

from repo_agent_dagster.cli import patch_operations, patch_record, patch_upkeep
from repo_agent_dagster.cli.garbage import no_garbage_collection
from repo_agent_dagster.cli.patch_apply import apply_file
from repo_agent_dagster.cli.patch_options import Change, takes
from repo_agent_dagster.cli.patch_stream import apply_lines

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

BatchFileOption = Annotated[str, typer.Option("--batch", help="A JSON file with the batch; - is stdin.")]


@app.callback()
def main(context: typer.Context) -> None:
    """Hold the commands together; the help is the app's."""
    no_garbage_collection(context)


@app.command(rich_help_panel="Batches")
@takes(Change)
def apply(
    change: Change,
    batch: Annotated[str | None, typer.Option("--batch", help="A JSON file with the batch; - is stdin.")] = None,
    batches: Annotated[
        str | None,
        typer.Option("--batches", help="A file with one batch on each line, each applied or refused by itself."),
    ] = None,
) -> None:
    """Apply a batch of patches, all or none.

    Example: `patchctl apply --batch batch.json --order 42 --check python`
    """
    if (batch is None) == (batches is None):
        raise typer.BadParameter("give either --batch or --batches")
    if batch is not None:
        apply_file(change, batch)
    else:
        apply_lines(change, batches or "-")


@app.command(rich_help_panel="Batches")
@takes(Change)
def plan(change: Change, batch: BatchFileOption) -> None:
    """Show the diff that a batch would make; writes and records nothing."""
    apply_file(replace(change, dry_run=True), batch)


@app.command(rich_help_panel="Batches")
def schema() -> None:
    """Print the JSON Schema of a batch, for agents and editors."""
    from repo_agent_dagster.cli.patch_view import print_json
    from repo_agent_dagster.contracts.patches import PatchBatch

    print_json(PatchBatch.model_json_schema())


patch_operations.add_to(app, "One operation")
patch_record.add_to(app, "The record")
patch_upkeep.add_to(app, "The workspace")
