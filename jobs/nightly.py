"""The asset jobs: last night's logs to issues, and every order to its report."""

import dagster as dg

ops_scan_job = dg.define_asset_job(
    "ops_scan_job",
    # Not the units: their partitions are units, not days, and the STAGING sensor keeps them up to date.
    selection=dg.AssetSelection.groups("logs", "ops", "patches", "delivery", "staging")
    - dg.AssetSelection.assets("staging_units"),
    description="Ingest one UTC day's logs, scan them, then bring trends and delivery reports up to date.",
)

default_jobs = [ops_scan_job]
