"""The asset jobs: last night's logs to issues, and every order to its report."""

import dagster as dg

ops_scan_job = dg.define_asset_job(
    "ops_scan_job",
    # Not the units, whose partitions are units and no days, and not the digests, whose partitions are weeks. The events
    # are nobody's to make, so their check has to be named.
    selection=(
        dg.AssetSelection.groups("logs", "ops", "patches", "delivery", "staging")
        - dg.AssetSelection.assets("staging_units", "weekly_digests")
    )
    | dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("patch_events"), "custody_chain_is_intact")),
    description="Ingest one UTC day's logs, scan them, then bring trends and delivery reports up to date.",
)

ad_hoc_ops_scan = dg.define_asset_job(
    "ad_hoc_ops_scan",
    selection=dg.AssetSelection.groups("logs", "ops"),
    description="Ingest and scan one UTC day by hand; the launchpad's config of `ops_scan` takes the scope: "
    "cloudflare, cicd or full.",
)

watch_scans = dg.define_asset_job(
    "watch_scans",
    selection=dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("ops_scan"), "scan_is_recent")),
    description="Look whether a scan succeeded in the last 26 hours: what does not run cannot tell so itself.",
)

default_jobs = [ops_scan_job, ad_hoc_ops_scan, watch_scans]
