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


@dg.observable_source_asset(
    group_name="staging",
    description="The folders under STAGING, by content: a unit that changes is a new version.",
)
def staging_units(folders: FoldersResource) -> dg.DataVersion:
    """Observe the STAGING folder: the digest of all its units is its data version."""
    staging = Path(folders.staging)
    units = scan_staging(staging) if staging.is_dir() else []
    return dg.DataVersion(hashlib.sha256("".join(f"{u.name}={u.digest};" for u in units).encode()).hexdigest())


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
