"""The `patchctl` commands of one operation each."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from repo_agent_dagster.cli.patch_apply import apply_one
from repo_agent_dagster.cli.patch_options import Change, OneFile, takes

_FILE_HELP = "A file that holds {}, relative to this folder; - is stdin."

BlockOption = Annotated[str | None, typer.Option("--block", help="The text.")]
BlockFileOption = Annotated[str | None, typer.Option("--block-file", help=_FILE_HELP.format("the text"))]
ExpectTextOption = Annotated[
    str | None, typer.Option("--expect-text", help="The text that is at the place; another one is a conflict.")
]
LineOption = Annotated[int | None, typer.Option("--line", min=1, help="The line, from 1.")]
MarkerOption = Annotated[
    str | None, typer.Option("--marker", help="A marker's region, in place of line numbers; see `patchctl markers`.")
]
OpenSpaceOption = Annotated[bool, typer.Option("--open-space", help="Fit the block's indentation to its surroundings.")]


def add_to(app: typer.Typer, panel: str) -> None:
    """Add the commands to `patchctl`."""
    for name, command in _COMMANDS.items():
        groups = (Change,) if command is _apply_diff else (Change, OneFile)
        app.command(name, rich_help_panel=panel)(takes(*groups)(command))


def _replace_block(
    change: Change,
    target: OneFile,
    start: Annotated[int | None, typer.Option("--start", min=1, help="The first line, from 1.")] = None,
    end: Annotated[int | None, typer.Option("--end", min=1, help="The last line, included.")] = None,
    marker: MarkerOption = None,
    block: BlockOption = None,
    block_file: BlockFileOption = None,
    open_space: OpenSpaceOption = False,
    expect_text: ExpectTextOption = None,
) -> None:
    """Replace lines START to END, or a marker's region, by the block; an empty block deletes them.

    Example: `patchctl replace-block --file src/a.py --start 3 --end 4 --block "x = 1"`
    """
    places: dict[str, Any] = {"start": start, "end": end, "at": _at(marker), "openSpace": open_space}
    apply_one(change, "replace-block", **_with_text(target, expect_text), **places, block=block, blockFile=block_file)


def _insert(op: Literal["insert-before", "insert-after"], help_text: str) -> Callable[..., None]:
    def insert(
        change: Change,
        target: OneFile,
        line: LineOption = None,
        marker: MarkerOption = None,
        block: BlockOption = None,
        block_file: BlockFileOption = None,
        open_space: OpenSpaceOption = False,
        expect_text: ExpectTextOption = None,
    ) -> None:
        places: dict[str, Any] = {"line": line, "at": _at(marker), "openSpace": open_space}
        apply_one(change, op, **_with_text(target, expect_text), **places, block=block, blockFile=block_file)

    insert.__doc__ = help_text
    return insert


def _append(change: Change, target: OneFile, block: BlockOption = None, block_file: BlockFileOption = None) -> None:
    """Add the block at the end of a file."""
    apply_one(change, "append", **target.of_operation(), block=block, blockFile=block_file)


def _prepend(
    change: Change,
    target: OneFile,
    block: BlockOption = None,
    block_file: BlockFileOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="At the very start, whatever the first line is.")] = False,
) -> None:
    """Add the block at the start of a file, after a shebang, an encoding or an XML declaration."""
    apply_one(change, "prepend", **target.of_operation(), block=block, blockFile=block_file, strict=strict)


def _replace_text(
    change: Change,
    target: OneFile,
    old: Annotated[str | None, typer.Option("--old", help="The text to replace, exactly as it stands.")] = None,
    old_file: Annotated[str | None, typer.Option("--old-file", help=_FILE_HELP.format("it"))] = None,
    new: Annotated[str | None, typer.Option("--new", help="The text that takes its place.")] = None,
    new_file: Annotated[str | None, typer.Option("--new-file", help=_FILE_HELP.format("it"))] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How often it must occur.")] = 1,
    marker: MarkerOption = None,
) -> None:
    """Replace a text that occurs exactly COUNT times, in the file or in a marker's region.

    Example: `patchctl replace-text --file src/a.py --old "DEBUG = True" --new "DEBUG = False"`
    """
    fields = {**target.of_operation(), "old": old, "new": new, "count": count, "at": _at(marker)}
    apply_one(change, "replace-text", texts={"old": old_file, "new": new_file}, **fields)


def _apply_diff(
    change: Change,
    diff: Annotated[str, typer.Option("--diff-file", help="A file that holds the unified diff; - is stdin.")],
    file: Annotated[
        str | None, typer.Option("--file", help="The one file that it is for, whatever names its headers give.")
    ] = None,
    fuzz: Annotated[
        Literal["none", "whitespace"],
        typer.Option("--fuzz", help="whitespace: lines may differ in white space, and hunk headers may miscount."),
    ] = "none",
    task_id: Annotated[str | None, typer.Option("--task-id", help="The task that this belongs to.")] = None,
) -> None:
    """Apply a unified diff, also of several files; each hunk goes where its context stands, and offsets are told.

    Example: `git diff | patchctl apply-diff --diff-file - --workspace ../other-checkout`
    """
    apply_one(change, "apply-diff", texts={"diff": diff}, file=file, fuzz=fuzz, taskId=task_id)


def _create_file(
    change: Change,
    target: OneFile,
    content: Annotated[str | None, typer.Option("--content", help="The file's text, to the byte.")] = None,
    content_file: Annotated[str | None, typer.Option("--content-file", help=_FILE_HELP.format("it"))] = None,
    executable: Annotated[bool, typer.Option("--executable", help="Make it executable.")] = False,
) -> None:
    """Create a file; one that is there already is a conflict."""
    fields = {**target.of_operation(), "content": content, "contentFile": content_file, "executable": executable}
    apply_one(change, "create-file", **fields)


def _delete_file(change: Change, target: OneFile) -> None:
    """Delete a file; folders that this leaves empty go with it."""
    apply_one(change, "delete-file", **target.of_operation())


def _move_file(change: Change, target: OneFile, to: Annotated[str, typer.Option("--to", help="The new path.")]) -> None:
    """Move a file; a destination that is there already is a conflict."""
    apply_one(change, "move-file", **target.of_operation(), to=to)


def _at(marker: str | None) -> dict[str, str] | None:
    return None if marker is None else {"marker": marker}


def _with_text(target: OneFile, expect_text: str | None) -> dict[str, Any]:
    fields = target.of_operation()
    if expect_text is not None:
        fields["expect"] = {**(fields["expect"] or {}), "text": expect_text}
    return fields


_COMMANDS: dict[str, Callable[..., None]] = {
    "replace-block": _replace_block,
    "insert-before": _insert("insert-before", "Insert the block before a line, or at the top of a marker's region."),
    "insert-after": _insert("insert-after", "Insert the block after a line, or at the bottom of a marker's region."),
    "append": _append,
    "prepend": _prepend,
    "replace-text": _replace_text,
    "apply-diff": _apply_diff,
    "create-file": _create_file,
    "delete-file": _delete_file,
    "move-file": _move_file,
}
