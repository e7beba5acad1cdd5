"""`migrate-staging plan`, `run` and `rollback`: what would be done, doing it, taking it back."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from repo_agent_dagster.cli.migration_steps import step_board
from repo_agent_dagster.cli.migration_view import print_json, show_diff, show_outcome, show_plan
from repo_agent_dagster.cli.signals import interrupt_on_signals
from repo_agent_dagster.cli.staging_options import (
    EXIT_CHECK_FAILED,
    EXIT_CONFLICT,
    EXIT_WAITING,
    AsJson,
    Into,
    ManifestFile,
    Staging,
    UnitArgument,
    manifest_of,
    target_root,
    unit_folder,
)

if TYPE_CHECKING:
    from repo_agent_dagster.migration import Plan


def plan_command(
    unit: UnitArgument,
    into: Into = None,
    staging: Staging = None,
    manifest: ManifestFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a migration would do: the diff, the imports that change, and what stays unresolved. Writes nothing.

    Example: `migrate-staging plan ./storefront --into ~/monorepo`
    """
    _show_planned(_plan(unit, into, staging, manifest), as_json=as_json)


def run(
    unit: UnitArgument,
    into: Into = None,
    staging: Staging = None,
    manifest: ManifestFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the exact diff; write and record nothing.")] = False,
    validate: Annotated[
        bool, typer.Option("--validate/--no-validate", help="Check the result in a sandbox (needs Docker).")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Migrate a unit: all of it or nothing. A failed check rolls back, unless the manifest says on_failure: keep.

    Example: `migrate-staging run storefront --into ~/monorepo --no-validate`
    """
    from repo_agent_dagster.cli.staging_environment import environment
    from repo_agent_dagster.migration import (
        ApprovalNeeded,
        CheckRefused,
        Migration,
        MigrationConflict,
        StandardsBroken,
    )
    from repo_agent_dagster.patching import CheckFailed

    if dry_run:
        _show_planned(_plan(unit, into, staging, manifest), as_json=as_json)
        return
    interrupt_on_signals()
    folder, root = unit_folder(unit, staging), target_root(into)
    read = manifest_of(folder, manifest, staging)
    with step_board(quiet=as_json) as board, environment(validated=validate, on_step=board.show) as lent:
        migration = Migration.open(folder, root, lent, manifest=read, staging_dir=staging)
        try:
            outcome = migration.run()
        except ApprovalNeeded as waiting:
            board.close()
            _tell_stop("waiting", waiting, migration, as_json=as_json, approval_id=waiting.approval_id)
            raise typer.Exit(EXIT_WAITING) from waiting
        except MigrationConflict as conflict:
            board.close()
            _tell_stop("conflict", conflict, migration, as_json=as_json, paths=list(conflict.paths))
            raise typer.Exit(EXIT_CONFLICT) from conflict
        except (CheckRefused, StandardsBroken, CheckFailed) as failed:
            board.close()
            _tell_stop("failed", failed, migration, as_json=as_json)
            raise typer.Exit(EXIT_CHECK_FAILED) from failed
    if as_json:
        print_json(outcome.to_json())
    else:
        show_outcome(outcome)


def migrate_settled(staging: Path, into: Path) -> Callable[[Path], None]:
    """Return what migrates one unit of a STAGING folder into the target root, as `run` does, and validates it."""

    def migrate(unit_path: Path) -> None:
        from repo_agent_dagster.cli.staging_environment import environment
        from repo_agent_dagster.migration import Migration

        with step_board(quiet=False) as board, environment(on_step=board.show) as lent:
            Migration.open(unit_path, into, lent, staging_dir=staging).run()

    return migrate


def rollback(
    unit: Annotated[str, typer.Argument(help="The unit's name, as its manifest gives it.")],
    into: Annotated[Path | None, typer.Option("--into", help="Only what went into this target root.")] = None,
    three_way: Annotated[
        bool, typer.Option("--three-way", help="Keep what people changed since: merge it with the way back.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take a unit's last migration back, to the byte. Called again, it takes back the one before.

    Example: `migrate-staging rollback storefront`
    """
    from repo_agent_dagster.cli.staging_environment import now, open_engine
    from repo_agent_dagster.migration import roll_back_last
    from repo_agent_dagster.store.patch_events import StoreCustody

    interrupt_on_signals()
    engine = open_engine()
    done = roll_back_last(engine, unit, custody=StoreCustody(engine), now=now(), target_root=into, three_way=three_way)
    if as_json:
        print_json({"unit": unit, "target_root": done.target_root, "batches": list(done.batches)})
    else:
        Console().print(
            f"[bold]{escape(unit)}[/]: rolled back {len(done.batches)} batch(es) in {escape(done.target_root)}",
            soft_wrap=True,
        )


def _plan(unit: str, into: Path | None, staging: Path | None, manifest: Path | None) -> "Plan":
    from repo_agent_dagster.migration import Bases, plan
    from repo_agent_dagster.settings import Settings

    folder, root = unit_folder(unit, staging), target_root(into)
    return plan(folder, root, manifest_of(folder, manifest, staging), bases=Bases(Settings().migration_bases))


def _show_planned(planned: "Plan", *, as_json: bool) -> None:
    if as_json:
        print_json({**planned.to_json(), "diff": planned.diff()})
    else:
        show_diff(planned.diff())
        show_plan(planned)
    if planned.conflicts:
        raise typer.Exit(EXIT_CONFLICT)


def _tell_stop(status: str, error: Exception, migration: Any, *, as_json: bool, **more: Any) -> None:
    """Say why it stopped, what became of the tree, and which task was left."""
    row = migration.account.row
    if as_json:
        print_json(
            {
                "status": row.status.value,
                "message": str(error),
                "steps": row.steps,
                "batches": row.batches or [],
                "remediation_task_id": row.remediation_task_id,
                "plan": row.plan,
                **more,
            }
        )
        return
    console = Console(stderr=True)
    colour = {"waiting": "yellow"}.get(status, "bold red")
    console.print(f"[{colour}]{status}[/] {escape(str(error))}", soft_wrap=True, highlight=False)
    report = getattr(error, "report", None)
    for one in getattr(report, "findings", ())[:50]:
        code = getattr(one, "code", getattr(one, "rule", ""))
        console.print(
            f"  {escape(one.file)}:{one.line}: {escape(code)} {escape(one.message)}", soft_wrap=True, highlight=False
        )
    output = getattr(report, "output", "")
    if output.strip() and not getattr(report, "findings", ()):
        console.print(output, soft_wrap=True, highlight=False, markup=False)
    if row.status.value == "rolled_back":
        console.print("rolled back: the destination is as it was before", soft_wrap=True)
    if row.remediation_task_id and status != "waiting":
        console.print(f"remediation task {row.remediation_task_id}", soft_wrap=True, highlight=False)
