"""`migrate-staging list`, `status` and `schema`: which units there are, and how far each came."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from repo_agent_dagster.cli.migration_view import print_json, show_migration, show_rows
from repo_agent_dagster.cli.staging_options import AsJson, Staging
from repo_agent_dagster.settings import Settings


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
    rows = [
        {
            "unit": row.unit,
            "status": row.status.value,
            "digest": row.source_digest if as_json else row.source_digest[:12],
            "target_root": row.target_root,
            "order_id": row.order_id or "",
            "conflicts": row.conflicts if as_json else "" if row.conflicts is None else str(row.conflicts),
            "standards": row.standards_score if as_json else _score(row.standards_score),
            "updated_at": row.updated_at.isoformat(timespec="seconds"),
            "error": row.error or "",
            **({"steps": row.steps, "batches": row.batches, "remediation": row.remediation_task_id} if as_json else {}),
        }
        for row in found
    ]
    show_rows(rows, as_json=as_json, empty="No migration on record. Start one with `migrate-staging run UNIT`.")
    if unit is not None and found and not as_json:
        show_migration(found[0])


def schema() -> None:
    """Print the manifest's JSON Schema, for editors: `migrate-staging schema > manifest.schema.json`."""
    from repo_agent_dagster.migration import manifest_schema

    print_json(manifest_schema())


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:g}"
