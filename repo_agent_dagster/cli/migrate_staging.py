"""`migrate-staging`: a folder under STAGING becomes a part of the monorepo, checked, recorded and reversible."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from repo_agent_dagster.cli.errors import FaultTellingGroup
from repo_agent_dagster.cli.migration_view import print_json, show_diff, show_plan, show_result, show_rows
from repo_agent_dagster.cli.signals import interrupt_on_signals
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.migration import CheckReport, MigrationResult, Plan

EXIT_CONFLICT = 3
EXIT_CHECK_FAILED = 4

_HELP = """Bring a STAGING unit into the monorepo: copy it, make its imports right, check it, or change nothing.

A *unit* is a folder with a `migration-manifest.yaml`. Try it in this order:

1. `migrate-staging plan UNIT --into ROOT` shows the exact diff and every import that changes; it writes nothing.

2. `migrate-staging run UNIT --into ROOT` does it and type-checks the result in a sandbox; a failed check rolls back.

Run again, it says that there is nothing to do. Files that people changed in ROOT are never overwritten.

Exit codes: 0 done or nothing to do · 2 wrong input · 3 conflict, nothing written · 4 check failed (rolled back,
unless the manifest says `on_failure: keep`) · 75 try again later.
"""

app = typer.Typer(
    name="migrate-staging",
    cls=FaultTellingGroup,
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)
UnitArgument = Annotated[str, typer.Argument(help="A unit's folder, or its name in the STAGING folder.")]
Into = Annotated[
    Path | None, typer.Option("--into", help="The target root (the monorepo); default REPO_AGENT_MIGRATION_TARGET.")
]
Staging = Annotated[Path | None, typer.Option("--staging", help="The STAGING folder; default REPO_AGENT_STAGING_DIR.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]


@app.callback()
def main() -> None:
    """Hold the commands together; the help is the app's."""


@app.command("plan")
def plan_command(unit: UnitArgument, into: Into = None, staging: Staging = None, as_json: AsJson = False) -> None:
    """Show what a migration would do: the diff, the imports that change, and what stays unresolved. Writes nothing.

    Example: `migrate-staging plan ./storefront --into ~/monorepo`
    """
    planned = _plan(unit, into, staging)
    if as_json:
        print_json({**planned.to_json(), "diff": planned.diff()})
    else:
        show_diff(planned.diff())
        show_plan(planned)
    if planned.conflicts:
        raise typer.Exit(EXIT_CONFLICT)


@app.command()
def run(
    unit: UnitArgument,
    into: Into = None,
    staging: Staging = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Check the result in a sandbox (needs Docker).")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Migrate a unit: all of it or nothing. A failed check rolls back, unless the manifest says on_failure: keep.

    Example: `migrate-staging run storefront --into ~/monorepo --no-check`
    """
    from repo_agent_dagster.migration import MigrationConflict

    interrupt_on_signals()
    planned = _plan(unit, into, staging)
    try:
        result, report = _migrate(planned, checked=check)
    except MigrationConflict as conflict:
        if as_json:
            print_json({"status": "conflict", "message": str(conflict), "plan": planned.to_json()})
        else:
            show_plan(planned)
            Console(stderr=True).print(f"[bold red]conflict[/] {escape(str(conflict))}", soft_wrap=True)
        raise typer.Exit(EXIT_CONFLICT) from conflict
    if as_json:
        print_json({**result.to_json(), "check": None if report is None else report.to_json()})
    else:
        show_result(result, report)
    if report is not None and not report.ok:
        raise typer.Exit(EXIT_CHECK_FAILED)


@app.command("list")
def list_command(staging: Staging = None, as_json: AsJson = False) -> None:
    """List the units of the STAGING folder: whether each is settled, and whether its manifest can be read."""
    from repo_agent_dagster.migration import ManifestError, is_settled, load_manifest, scan_staging

    settings = Settings()
    folder = staging or settings.staging
    rows: list[dict[str, Any]] = []
    for unit in scan_staging(folder):
        try:
            manifest = f"→ {load_manifest(unit, folder).destination}"
        except ManifestError as error:
            manifest = f"broken: {error}"
        settled = is_settled(unit, now=datetime.now(UTC), settle_seconds=settings.staging_settle_seconds)
        rows.append(
            {
                "unit": unit.name,
                "digest": unit.digest if as_json else unit.digest[:12],
                "last_changed": unit.last_changed.isoformat(timespec="seconds"),
                "settled": settled if as_json else "yes" if settled else f"no {', '.join(unit.unfinished)}".strip(),
                "manifest": manifest,
            }
        )
    show_rows(rows, as_json=as_json, empty=f"No units in {folder}. A unit is a folder with a migration-manifest.yaml.")


@app.command()
def status(unit: Annotated[str | None, typer.Argument(help="Only this unit.")] = None, as_json: AsJson = False) -> None:
    """Show how far each unit's migrations came, the last changed first."""
    from repo_agent_dagster.store import staging_migrations
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(_engine()) as conn:
        found = staging_migrations.listing(conn, unit=unit)
    rows = [
        {
            "unit": row.unit,
            "status": row.status.value,
            "digest": row.source_digest if as_json else row.source_digest[:12],
            "target_root": row.target_root,
            "order_id": row.order_id or "",
            "updated_at": row.updated_at.isoformat(timespec="seconds"),
            "error": row.error or "",
        }
        for row in found
    ]
    show_rows(rows, as_json=as_json, empty="No migration on record. Start one with `migrate-staging run UNIT`.")


@app.command()
def schema() -> None:
    """Print the manifest's JSON Schema, for editors: `migrate-staging schema > manifest.schema.json`."""
    from repo_agent_dagster.migration import manifest_schema

    print_json(manifest_schema())


def _plan(unit: str, into: Path | None, staging: Path | None) -> "Plan":
    from repo_agent_dagster.migration import load_manifest, plan

    settings = Settings()
    folder = _unit_folder(unit, staging or settings.staging)
    return plan(folder, into or settings.target_root, load_manifest(folder, staging))


def _unit_folder(unit: str, staging: Path) -> Path:
    for folder in (Path(unit).expanduser(), staging / unit):
        if folder.is_dir():
            return folder
    raise PermanentFault(f"there is no unit {unit}: neither a folder of that path nor {staging / unit}")


def _engine() -> "Engine":
    from repo_agent_dagster.store.revision import open_upgraded

    return open_upgraded(Settings().store_url)


def _migrate(planned: "Plan", *, checked: bool) -> tuple["MigrationResult", "CheckReport | None"]:
    """Execute the plan, check it, draw the conclusion, and record each step; an interrupted check rolls back."""
    from contextlib import ExitStack

    from repo_agent_dagster.migration import conclude, execute, roll_back, type_check
    from repo_agent_dagster.store.patch_events import StoreCustody

    engine = _engine()
    custody = StoreCustody(engine)
    record = _Record(engine, planned)
    with ExitStack() as stack:
        # Before anything is written: a Docker that is down leaves nothing to roll back.
        box = stack.enter_context(_sandbox()) if checked and planned.touching and not planned.conflicts else None
        record.planned()
        try:
            result = execute(planned, custody=custody, now=_now())
        except Exception as error:
            record.note("failed", error=str(error))
            raise
        if result.batch is None or box is None:
            record.note("applied", report=result.to_json())
            return result, None
        try:
            record.note("applied")
            report = type_check(box, planned.target_root, planned.destination, commands=planned.manifest.checks)
        except BaseException as error:
            roll_back(result, custody=custody, now=_now())
            record.note("rolled_back", error=f"the check did not finish: {error}")
            raise
        result = conclude(result, report, custody=custody, now=_now())
        outcome = {"validated": "validated", "rolled_back": "rolled_back", "failed_kept": "failed"}
        told = {**result.to_json(), "check": report.to_json()}
        if result.status in outcome:
            record.note(outcome[result.status], report=told, error=None if report.ok else report.message)
        return result, report


def _sandbox() -> Any:
    from repo_agent_dagster.sandbox.sandbox import Sandbox
    from repo_agent_dagster.sandbox.spec import SandboxSpec
    from repo_agent_dagster.store.ids import new_id

    settings = Settings()
    return Sandbox.open(
        # Without an owner: the reaper would take a task that is in no queue for one that is over.
        SandboxSpec(
            task_id=f"migrate-staging-{new_id()}",
            image=settings.sandbox_image,
            user=settings.sandbox_user,
            cpus=settings.sandbox_cpus,
            memory_mb=settings.sandbox_memory_mb,
            pids=settings.sandbox_pids,
            disk_mb=settings.sandbox_disk_mb,
            deadline_seconds=settings.sandbox_deadline_seconds,
            network="none",
        )
    )


class _Record:
    """The unit's row in `staging_migrations`, moved on step by step."""

    def __init__(self, engine: "Engine", planned: "Plan") -> None:
        from repo_agent_dagster.store import staging_migrations
        from repo_agent_dagster.store.engine import write_transaction

        self._engine, self._plan = engine, planned
        root = str(planned.target_root.resolve())
        with write_transaction(engine) as conn:
            row = staging_migrations.upsert_seen(conn, planned.unit, planned.source_digest, root, now=_now())
        self._row = row

    def planned(self) -> None:
        """Begin anew, unless nothing will be done: what an earlier check said of this content then stays."""
        from repo_agent_dagster.store.staging_migrations import StagingStatus

        if not self._plan.is_empty or self._row.status is StagingStatus.SEEN:
            self.note("planned", plan=self._plan.to_json())

    def note(self, status: str, **given: Any) -> None:
        from repo_agent_dagster.store import staging_migrations
        from repo_agent_dagster.store.engine import write_transaction

        to, order = staging_migrations.StagingStatus(status), self._plan.manifest.order_id
        with write_transaction(self._engine) as conn:
            staging_migrations.set_status(conn, self._row.id, to, now=_now(), order_id=order, **given)


def _now() -> datetime:
    return datetime.now(UTC)
