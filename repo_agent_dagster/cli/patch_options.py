"""The options that every changing `patchctl` command takes, and what they mean for a batch.

Loaded before anything is known of the command, so it imports nothing heavy.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

WorkspaceOption = Annotated[Path, typer.Option("--workspace", "-w", help="The checkout to work on.")]
DatabaseOption = Annotated[
    str,
    typer.Option("--database-url", help="The store; default REPO_AGENT_DATABASE_URL, else SQLite in the home folder."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine output on stdout, errors too.")]
LockOption = Annotated[
    float, typer.Option("--lock-timeout", min=0, help="Seconds to wait for another batch to finish.")
]
CheckName = Literal["python"]


@dataclass(frozen=True)
class Change:
    """What is asked around the operations themselves; an option left out leaves the batch as it is."""

    workspace: WorkspaceOption = Path()
    order: Annotated[str | None, typer.Option("--order", help="The order that this belongs to.")] = None
    requester: Annotated[str | None, typer.Option("--requester", help="Who asks for it (the factory).")] = None
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in a sentence; kept on record.")] = None
    phase: Annotated[str | None, typer.Option("--phase", help="The order's phase.")] = None
    check: Annotated[
        CheckName | None, typer.Option("--check", help="Revert the batch if this check finds new problems.")
    ] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the diff; write and record nothing.")] = False
    lock_timeout: LockOption = 10.0
    database_url: DatabaseOption = ""
    as_json: JsonOption = False


def takes_change(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Change` behind its own; it gets them as its first argument, `change`."""
    names = [field.name for field in fields(Change)]

    def with_options(**values: Any) -> None:
        change = Change(**{name: values.pop(name) for name in names})
        command(change, **values)

    own = list(inspect.signature(command).parameters.values())[1:]
    shared = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for field in fields(Change)
    ]
    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    with_options.__name__ = command.__name__
    with_options.__doc__ = command.__doc__
    with_options.__annotations__ = {one.name: one.annotation for one in (*keyword_only, *shared)} | {"return": None}
    with_options.__signature__ = inspect.Signature([*keyword_only, *shared])  # type: ignore[attr-defined] # typer reads it
    return with_options
