"""What `patchctl` shows: JSON for machines on stdout, coloured text for people, and one line for what went wrong.

Rich is loaded for tables and for colours on a terminal alone: it takes as long as applying a small batch.
"""

import json
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from repo_agent_dagster.contracts.faults import PermanentFault, RepoAgentError

if TYPE_CHECKING:
    from repo_agent_dagster.patching import AppliedPatch, BatchResult
    from repo_agent_dagster.patching.text.marker_files import MarkedFile
    from repo_agent_dagster.store.patch_events import PatchActivity, StoredEvent

EXIT_INVALID, EXIT_CONFLICT, EXIT_CHECK_FAILED, EXIT_LOCKED, EXIT_INTERNAL = 2, 3, 4, 5, 6

_SHOWN_PATCHES = 40
_STATE_COLOURS = {"applied": "green", "validated": "bright_green", "failed": "red", "reverted": "yellow"}
_COLOURS = {"+": "green", "-": "red", "@": "cyan", "d": "bold"}


def print_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_json_default))


def _json_default(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form here")


@contextmanager
def telling_faults(as_json: bool) -> Iterator[None]:
    """End the command with one message and the documented exit code when something goes wrong inside."""
    try:
        yield
    except RepoAgentError as fault:
        _tell(fault, [*getattr(fault, "__notes__", ())], as_json)
        raise typer.Exit(exit_code(fault)) from fault
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:
        if type(error).__name__ == "ValidationError" and getattr(error, "title", "") == "Settings":
            from repo_agent_dagster.cli.errors import wrong_settings
            from repo_agent_dagster.patching import InvalidPatch

            _tell(InvalidPatch("; ".join(wrong_settings(error))), [], as_json)  # type: ignore[arg-type] # it is one
            raise typer.Exit(EXIT_INVALID) from error
        traceback.print_exc()
        typer.echo("error this is a fault of patchctl itself; please report it with the lines above", err=True)
        raise typer.Exit(EXIT_INTERNAL) from error


def _error(fault: RepoAgentError) -> dict[str, Any]:
    notes = [*getattr(fault, "__notes__", ())]
    return {"error": {"kind": type(fault).__name__, "message": str(fault), "notes": notes, **_found_by_check(fault)}}


def _tell(fault: RepoAgentError, notes: list[str], as_json: bool) -> None:
    if as_json:
        print_json(_error(fault))
        return
    told = " ".join([str(fault), *notes])
    if not sys.stderr.isatty():
        typer.echo(f"error {told}", err=True)
        return
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True).print(Text.assemble(("error ", "bold red"), told), highlight=False, soft_wrap=True)


def _found_by_check(fault: RepoAgentError) -> dict[str, Any]:
    """Return what a failed check found, and the patch that brought the first of it."""
    from repo_agent_dagster.patching import CheckFailed

    if not isinstance(fault, CheckFailed):
        return {}
    guilty = fault.guilty
    return {
        "findings": [asdict(finding) for finding in fault.findings],
        "guilty": None
        if guilty is None
        else {"index": guilty.index, "patchId": guilty.patch_id, "file": guilty.file, "op": guilty.op},
    }


def exit_code(fault: RepoAgentError) -> int:
    """Return the documented exit code for a fault."""
    from repo_agent_dagster import patching

    codes: tuple[tuple[type[RepoAgentError], int], ...] = (
        (patching.InvalidPatch, EXIT_INVALID),
        (patching.CheckUnusable, EXIT_INVALID),
        (patching.PatchConflict, EXIT_CONFLICT),
        (patching.CheckFailed, EXIT_CHECK_FAILED),
        (patching.WorkspaceLocked, EXIT_LOCKED),
    )
    return next((code for kind, code in codes if isinstance(fault, kind)), EXIT_INTERNAL)


def show_diff(diff: str) -> None:
    """Print a diff, coloured on a terminal, to the byte elsewhere."""
    if not sys.stdout.isatty():
        typer.echo(diff, nl=False)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for line in diff.splitlines():
        console.print(Text(line, style=_COLOURS.get(line[:1], "")), soft_wrap=True)


def show_result(result: "BatchResult", as_json: bool, *, verb: str = "applied") -> None:
    """Show what a batch did, or would do."""
    if as_json:
        print_json({**_told(result), "diff": result.diff})
    elif result.dry_run:
        _show_notes(result)
        show_diff(result.diff)
    else:
        _show_notes(result)
        _show_applied(result, verb)


def show_outcomes(outcomes: "Sequence[BatchResult | PermanentFault]", as_json: bool) -> None:
    """Show what became of each of several batches, in their order."""
    if as_json:
        print_json([_error(one) if isinstance(one, RepoAgentError) else _told(one) for one in outcomes])
        return
    for number, one in enumerate(outcomes, start=1):
        if isinstance(one, RepoAgentError):
            typer.echo(f"batch {number}: refused: {one}", err=True)
        else:
            _show_notes(one)
            typer.echo(f"batch {number}: applied as {one.batch_id}: {len(one.patches)} patch(es)")


def _told(result: "BatchResult") -> dict[str, Any]:
    return {
        "batchId": result.batch_id,
        "dryRun": result.dry_run,
        "check": result.check,
        "patches": [
            {
                "patchId": patch.patch_id,
                "file": patch.file,
                "op": patch.op,
                "taskId": patch.task_id,
                "diffPath": None if result.dry_run else patch.diff_path,
                "added": patch.added,
                "removed": patch.removed,
                "movedTo": patch.moved_to,
                "notes": patch.notes,
            }
            for patch in result.patches
        ],
    }


def _show_notes(result: "BatchResult") -> None:
    """Tell on stderr what people should know, as offsets: stdout stays a diff that tools can take."""
    for patch in result.patches:
        for note in patch.notes:
            typer.echo(f"note: {note}", err=True)


def _show_applied(result: "BatchResult", verb: str) -> None:
    shown = result.patches[:_SHOWN_PATCHES]
    widths = [max((len(text) for text in column), default=0) for column in zip(*map(_columns, shown), strict=True)]
    for patch in shown:
        cells = (text.ljust(width) for text, width in zip(_columns(patch), widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
    if len(result.patches) > len(shown):
        typer.echo(f"… and {len(result.patches) - len(shown)} more; --json tells all")
    files = len({patch.file for patch in result.patches})
    checked = f"; the check {result.check} found nothing new" if result.check is not None else ""
    typer.echo(f"{verb} batch {result.batch_id}: {len(result.patches)} patch(es) on {files} file(s){checked}")


def _columns(patch: "AppliedPatch") -> tuple[str, str, str, str]:
    file = patch.file if patch.moved_to is None else f"{patch.file} → {patch.moved_to}"
    return patch.patch_id, file, patch.op, f"+{patch.added} -{patch.removed}"


def show_log(patches: "Sequence[PatchActivity]", as_json: bool) -> None:
    """Show patches with what became of them, one line each: ids are there to be copied, never cut, never wrapped."""
    if as_json:
        print_json([asdict(patch) for patch in patches])
        return
    rows = [
        (
            patch.patch_id,
            "" if patch.requested_at is None else patch.requested_at.strftime("%Y-%m-%d %H:%M:%S"),
            patch.last_event.removeprefix("patch_"),
            patch.op,
            _printable(patch.file_path),
            _printable(f"by {patch.requester}" + (f", order {patch.order_id}" if patch.order_id else "")),
        )
        for patch in patches
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(5)]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        cells[2] = typer.style(cells[2], fg=_STATE_COLOURS.get(row[2]))
        typer.echo("  ".join([*cells, row[5]]))
    if not rows:
        typer.echo("no patches")


def _printable(text: str) -> str:
    """Return a text that was recorded as it was asked for, with what would steer the terminal made visible."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def show_patch(events: "Sequence[StoredEvent]", diff: str | None, as_json: bool) -> None:
    """Show one patch: its events and its diff."""
    if as_json:
        print_json({"events": [asdict(event) for event in events], "diff": diff})
        return
    from rich.console import Console
    from rich.text import Text

    first = events[0]
    console = Console()
    console.print(Text(f"{first.op} {first.file_path}  (batch {first.batch_id}, by {first.requester})"))
    for event in events:
        ok = {True: "  check ok", False: "  check failed", None: ""}[event.ts_check_ok]
        error = f"  {event.error}" if event.error else ""
        console.print(Text(f"{event.created_at:%Y-%m-%d %H:%M:%S}  {event.event.removeprefix('patch_')}{ok}{error}"))
    show_diff(diff if diff is not None else "(its diff is not in this workspace)\n")


def show_markers(files: "Sequence[MarkedFile]", as_json: bool) -> None:
    """Show marker regions by file, and the problems of markers."""
    if as_json:
        print_json([asdict(file) for file in files])
        return
    for file in files:
        for region in file.regions:
            typer.echo(f"{file.path}:{region.opening_line}-{region.closing_line}: {region.name}")
        for problem in file.problems:
            typer.secho(f"{file.path}:{problem.line}: marker {problem.name} {problem.problem}", fg="red")
    if not files:
        typer.echo("no markers")
