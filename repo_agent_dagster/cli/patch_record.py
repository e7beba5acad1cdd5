"""The `patchctl` commands that read the record, and those that go by it: revert and replay."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repo_agent_dagster.cli.patch_options import (
    DatabaseOption,
    JsonOption,
    LockOption,
    NotifyOption,
    OfflineOption,
    WorkspaceOption,
)

if TYPE_CHECKING:
    from repo_agent_dagster.patching import Workspace

RequesterOption = Annotated[str, typer.Option("--requester", help="Who asks for it; kept on record.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in a sentence; kept on record.")]


def add_to(app: typer.Typer, panel: str) -> None:
    """Add the commands to `patchctl`."""
    for name, command in _COMMANDS.items():
        app.command(name, rich_help_panel=panel)(command)


def _revert(
    patches: Annotated[list[str] | None, typer.Argument(help="Patches of one batch, by id.")] = None,
    batch: Annotated[str | None, typer.Option("--batch", help="A whole batch, by its id.")] = None,
    three_way: Annotated[
        bool, typer.Option("--three-way", help="Merge with later work on the files, where the lines allow it.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the diff; write and record nothing.")] = False,
    requester: RequesterOption = "operator",
    reason: ReasonOption = "",
    notify: NotifyOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = Path(),
    lock_timeout: LockOption = 10.0,
    database_url: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Undo patches, byte for byte; refused if the files are no longer what the patches left.

    The revert is a batch of its own: revert that one to have the patches again.
    """
    from repo_agent_dagster.cli.patch_view import show_result, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.cli.patch_input import custody_of
        from repo_agent_dagster.cli.patch_notify import notifying
        from repo_agent_dagster.patching import InvalidPatch, Workspace
        from repo_agent_dagster.patching import revert as take_back
        from repo_agent_dagster.store.ids import new_id

        if (batch is None) == (not patches):
            raise InvalidPatch("give either patch ids or --batch ID")
        place, revert_id = Workspace(workspace), new_id()
        custody = custody_of(place, database_url, offline=offline)
        with nullcontext() if dry_run else notifying(notify, custody, database_url, batch_id=revert_id):
            result = take_back(
                place,
                batch if batch is not None else list(patches or ()),
                custody=custody,
                now=_now(),
                requester=requester,
                reason=reason,
                three_way=three_way,
                dry_run=dry_run,
                lock_timeout_seconds=lock_timeout,
                batch_id=revert_id,
            )
        show_result(result, as_json, verb="reverted by")


def _log(
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

        place = Workspace(workspace)
        name = None if everywhere else place.name
        _tell_unshipped(place)
        with read_transaction(open_engine(database_url)) as conn:
            found = patch_events.activity(conn, order_id=order, batch_id=batch, workspace=name, limit=limit)
        show_log(found, as_json)


def _show(
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


def _verify(
    workspace: WorkspaceOption = Path(),
    everywhere: Annotated[bool, typer.Option("--all", help="Of all workspaces, not only this one.")] = False,
    database_url: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Prove the custody chain: no event was edited, deleted or slipped in. Exit code 3 if one was."""
    from repo_agent_dagster.cli.patch_view import EXIT_CONFLICT, print_json, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.cli.patch_input import open_engine
        from repo_agent_dagster.patching import Workspace
        from repo_agent_dagster.store import patch_events
        from repo_agent_dagster.store.engine import read_transaction

        place = Workspace(workspace)
        _tell_unshipped(place)
        with read_transaction(open_engine(database_url)) as conn:
            names = patch_events.workspaces(conn) if everywhere else [place.name]
            verdicts = {name: patch_events.verify_chain(conn, name) for name in names}
        if as_json:
            print_json([{"workspace": name, **verdict.told()} for name, verdict in verdicts.items()])
        else:
            for name, verdict in verdicts.items():
                typer.echo(f"{name}: {verdict.problem or f'{verdict.checked} events, the chain is whole'}")
        if not all(verdict.ok for verdict in verdicts.values()):
            raise typer.Exit(EXIT_CONFLICT)


def _replay(
    into: Annotated[Path, typer.Option("--into", help="A new or empty folder outside the workspace.")],
    to: Annotated[
        str | None,
        typer.Option("--to", help="A patch's id (right after it), or a time as 2026-11-20T09:00Z; default: the end."),
    ] = None,
    only_patched: Annotated[
        bool, typer.Option("--only-patched", help="Leave out the files that no patch ever touched.")
    ] = False,
    workspace: WorkspaceOption = Path(),
    database_url: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Rebuild the workspace as it was after a patch or at a time, into another folder.

    Example: `patchctl replay --to 2026-11-20T09:00Z --into /tmp/then`
    """
    from repo_agent_dagster.cli.patch_view import print_json, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.cli.patch_input import open_engine, patch_or_time
        from repo_agent_dagster.patching import Workspace, replay
        from repo_agent_dagster.store import patch_events
        from repo_agent_dagster.store.engine import read_transaction

        to_patch, to_time = patch_or_time(to)
        place = Workspace(workspace)
        with read_transaction(open_engine(database_url)) as conn:
            events = patch_events.of_workspace(conn, place.name)
            done = replay(place, events, into, to_patch=to_patch, to_time=to_time, only_patched=only_patched)
        if as_json:
            print_json(
                {
                    "into": str(done.into),
                    "patches": done.patches,
                    "patchedFiles": done.patched_files,
                    "copiedFiles": done.copied_files,
                    "notes": done.notes,
                }
            )
        else:
            for note in done.notes:
                typer.echo(note, err=True)
            typer.echo(
                f"replayed {done.patches} patch(es) on {done.patched_files} file(s) into {done.into}"
                + ("" if only_patched else f"; {done.copied_files} other file(s) copied as they are now")
            )


def _markers(
    paths: Annotated[list[str] | None, typer.Argument(help="Files or folders; default: the whole workspace.")] = None,
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """List the marker regions, and what is wrong with markers. Exit code 3 if anything is."""
    from repo_agent_dagster.cli.patch_view import EXIT_CONFLICT, show_markers, telling_faults

    with telling_faults(as_json):
        from repo_agent_dagster.cli.patch_input import workspace_of
        from repo_agent_dagster.patching.text.marker_files import scan_files

        found = scan_files(workspace_of(workspace), paths or [])
        show_markers(found, as_json)
        if any(file.problems for file in found):
            raise typer.Exit(EXIT_CONFLICT)


def _tell_unshipped(workspace: "Workspace") -> None:
    """Say on stderr that the store does not know all yet."""
    from repo_agent_dagster.patching.record.spool import has_spool

    if has_spool(workspace):
        typer.echo("what was recorded offline is not shipped yet: `patchctl ship`", err=True)


def _now() -> datetime:
    return datetime.now(UTC)


_COMMANDS: dict[str, Callable[..., None]] = {
    "log": _log,
    "show": _show,
    "verify": _verify,
    "revert": _revert,
    "replay": _replay,
    "markers": _markers,
}
