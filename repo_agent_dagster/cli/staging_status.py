"""`migrate-staging list`, `status` and `schema`: which units there are, and how far each came."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repo_agent_dagster.cli.migration_view import print_json, show_error, show_migration, show_rows
from repo_agent_dagster.cli.staging_options import AsJson, Staging
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from repo_agent_dagster.store.staging_migrations import StagingMigration

_ERRORS_SHOWN = 20


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


def status(
    unit: Annotated[str | None, typer.Argument(help="Only this unit; its last migration is shown in full.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how far each unit's migrations came, the last changed first; of one unit, its steps too.

    Example: `migrate-staging status storefront`
    """
    from repo_agent_dagster.cli.staging_environment import open_engine
    from repo_agent_dagster.store import staging_migrations
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(open_engine()) as conn:
        found = staging_migrations.listing(conn, unit=unit)
    if as_json:
        print_json([_as_json(row) for row in found])
        return
    rows = [
        {
            "unit": row.unit,
            "status": row.status.value,
            "into": f"{Path(row.target_root).name}/{(row.summary or {}).get('destination', '')}".rstrip("/"),
            "conflicts": "" if row.conflicts is None else str(row.conflicts),
            "standards": "" if row.standards_score is None else f"{row.standards_score:g}",
            "updated": row.updated_at.isoformat(sep=" ", timespec="minutes").removesuffix("+00:00"),
        }
        for row in found
    ]
    show_rows(rows, as_json=False, empty="No migration on record. Start one with `migrate-staging run UNIT`.")
    for row in found[:_ERRORS_SHOWN]:
        if row.error:
            show_error(row.unit, row.error)
    if unit is not None and found:
        show_migration(found[0])


def _as_json(row: "StagingMigration") -> dict[str, Any]:
    return {
        "id": row.id,
        "unit": row.unit,
        "status": row.status.value,
        "digest": row.source_digest,
        "target_root": row.target_root,
        "order_id": row.order_id or "",
        "conflicts": row.conflicts,
        "standards": row.standards_score,
        "summary": row.summary,
        "steps": row.steps,
        "batches": row.batches,
        "approval": row.approval_id,
        "remediation": row.remediation_task_id,
        "updated_at": row.updated_at.isoformat(timespec="seconds"),
        "error": row.error or "",
    }


def schema() -> None:
    """Print the manifest's JSON Schema, for editors: `migrate-staging schema > manifest.schema.json`."""
    from repo_agent_dagster.migration import manifest_schema

    print_json(manifest_schema())
