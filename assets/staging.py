"""Group `staging`: the units that wait in the STAGING folder."""

import hashlib
from pathlib import Path

import dagster as dg

from assets.logs import OWNERS
from assets.metadata import markdown_table
from repo_agent_dagster.migration import scan_staging
from repo_agent_dagster.resources import FoldersResource, StoreResource
from repo_agent_dagster.store import staging_migrations
from repo_agent_dagster.store.engine import read_transaction


@dg.asset(
    group_name="staging",
    kinds={"filesystem"},
    owners=OWNERS,
    description="The folders under STAGING, by content: a unit that changes is a new version.",
)
def staging_units(folders: FoldersResource) -> dg.MaterializeResult:
    """Take note of the STAGING folder as it stands; the digest over its units is the data version."""
    units = scan_staging(Path(folders.staging))
    digest = hashlib.sha256("".join(f"{unit.name}={unit.digest};" for unit in units).encode()).hexdigest()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest),
        metadata={
            "dagster/row_count": len(units),
            "units": markdown_table(
                [
                    {
                        "unit": unit.name,
                        "content": unit.digest[:12],
                        "last changed": unit.last_changed.isoformat(sep=" ", timespec="seconds"),
                        "unfinished": ", ".join(unit.unfinished),
                    }
                    for unit in units
                ]
            ),
        },
    )


@dg.asset(
    group_name="staging",
    deps=[staging_units],
    kinds={"python"},
    owners=OWNERS,
    description="Every unit that was seen, and how far its migration came. The job staging_migration does the work.",
)
def migrated_units(store: StoreResource) -> dg.MaterializeResult:
    """Show the state of every unit's migration."""
    with read_transaction(store.engine()) as conn:
        migrations = staging_migrations.listing(conn)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(migrations),
            "units": markdown_table(
                [
                    {"unit": m.unit, "status": m.status, "content": m.source_digest[:12], "order": m.order_id}
                    for m in migrations
                ]
            ),
        }
    )


default_assets = [staging_units, migrated_units]
