"""The jobs on patches: days counted ahead, reports of orders that changed, the digest of a week."""

import dagster as dg

patch_rollups_job = dg.define_asset_job(
    "patch_rollups_job",
    selection=dg.AssetSelection.assets("patch_daily", "patch_trends_weekly"),
    description="Count one UTC day's patches anew from their events, and the weeks; the sensor asks for what changed.",
)

delivery_reports_job = dg.define_asset_job(
    "delivery_reports_job",
    selection=dg.AssetSelection.assets("delivery_reports", "published_reports"),
    description="Bring the reports of the orders that changed up to date, and publish them where they are followed.",
)

weekly_digest_job = dg.define_asset_job(
    "weekly_digest_job",
    selection=dg.AssetSelection.assets("weekly_digests"),
    description="Tell what one ISO week delivered, over all orders.",
)

default_jobs = [patch_rollups_job, delivery_reports_job, weekly_digest_job]
