"""The axis of everything that is counted by day."""

from datetime import date

import dagster as dg

FIRST_DAY = "2026-01-01"

days = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
"""UTC days. Today counts (`end_offset`): an ad-hoc scan in the evening must not wait for midnight."""


def partition_day(context: dg.AssetExecutionContext) -> date:
    """Return the UTC day that this run is for."""
    return date.fromisoformat(context.partition_key)
