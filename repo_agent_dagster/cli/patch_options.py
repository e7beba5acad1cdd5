"""Options that several `patchctl` commands share, in groups that a command takes as one argument each."""

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
NotifyOption = Annotated[
    str | None,
    typer.Option(
        "--notify",
        metavar="URL",
        help="Post each event of the batch there, now and later; signed if REPO_AGENT_NOTIFY_SECRET is set.",
    ),
]
OfflineOption = Annotated[
    bool,
    typer.Option(
        "--offline", help="Keep the record in the workspace; its next use without this ships it to the store."
    ),
]
CheckName = Literal["python", "tsc", "node"]


@dataclass(frozen=True)
class Change:
    """What is asked around the operations themselves; an option left out leaves the batch as it is."""

    workspace: WorkspaceOption = Path()
    order: Annotated[str | None, typer.Option("--order", help="The order that this belongs to.")] = None
    requester: Annotated[str | None, typer.Option("--requester", help="Who asks for it (the factory).")] = None
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in a sentence; kept on record.")] = None
    branch: Annotated[str | None, typer.Option("--branch", help="The branch that it is for; kept on record.")] = None
    phase: Annotated[str | None, typer.Option("--phase", help="The order's phase.")] = None
    allowed_path: Annotated[
        list[str] | None,
        typer.Option("--allowed-path", help="A glob that patches must keep to, as src/**; can be given several times."),
    ] = None
    check: Annotated[
        CheckName | None, typer.Option("--check", help="Revert the batch if this check finds new problems.")
    ] = None
    check_command: Annotated[
        str | None, typer.Option("--check-command", help="A command to check by, split into words; no shell.")
    ] = None
    no_check: Annotated[
        bool, typer.Option("--no-check", help="No check, though the batch or the registered workspace has one.")
    ] = False
    trusted: Annotated[
        bool,
        typer.Option(
            "--trusted",
            help="For people at their own terminal: run the check that you give here, or the workspace's own, on this"
            " machine instead of in a sandbox. What it runs, loads or is configured by, also what the batch changes,"
            " can then do what you can. A check that the batch itself brings stays in a sandbox.",
        ),
    ] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the diff; write and record nothing.")] = False
    notify: NotifyOption = None
    offline: OfflineOption = False
    lock_timeout: LockOption = 10.0
    database_url: DatabaseOption = ""
    as_json: JsonOption = False

    def of_batch(self) -> dict[str, Any]:
        """Return what is said of the batch, in the batch's own names."""
        said = {
            "orderId": self.order,
            "requester": self.requester,
            "reason": self.reason,
            "branch": self.branch,
            "phase": self.phase,
            "allowedPaths": self.allowed_path,
        }
        return {name: value for name, value in said.items() if value is not None and value != []}


@dataclass(frozen=True)
class OneFile:
    """What is asked of the file of one operation."""

    file: Annotated[str, typer.Option("--file", help="Path relative to the workspace.")]
    task_id: Annotated[str | None, typer.Option("--task-id", help="The task that this belongs to.")] = None
    expect_sha256: Annotated[
        str | None, typer.Option("--expect-sha256", help="The file's SHA-256; another one is a conflict.")
    ] = None

    def of_operation(self) -> dict[str, Any]:
        """Return what is said of the operation, in its own names."""
        expect = None if self.expect_sha256 is None else {"sha256": self.expect_sha256}
        return {"file": self.file, "taskId": self.task_id, "expect": expect}


def takes(*groups: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of these groups behind its own; its first arguments are one instance of each."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def with_options(**values: Any) -> None:
            taken = [group(**{field.name: values.pop(field.name) for field in fields(group)}) for group in groups]
            command(*taken, **values)

        own = list(inspect.signature(command).parameters.values())[len(groups) :]
        shared = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=_default(field), annotation=field.type
            )
            for group in reversed(groups)
            for field in fields(group)
        ]
        keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        required_first = sorted((*shared[: -len(fields(groups[0]))], *keyword_only), key=_is_optional)
        parameters = [*required_first, *shared[-len(fields(groups[0])) :]]
        with_options.__name__ = command.__name__
        with_options.__doc__ = command.__doc__
        with_options.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
        with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # typer reads it
        return with_options

    return decorate


def _default(field: Any) -> Any:
    return inspect.Parameter.empty if field.default.__class__.__name__ == "_MISSING_TYPE" else field.default


def _is_optional(parameter: inspect.Parameter) -> bool:
    return parameter.default is not inspect.Parameter.empty
