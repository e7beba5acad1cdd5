"""Patch trends as pandas frames, for notebooks and for the asset that shows them."""

from datetime import datetime
from typing import TYPE_CHECKING

from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_stats import TrendRow, fold, patch_cells, trend_group, utc_range

if TYPE_CHECKING:
    from pandas import DataFrame
    from sqlalchemy import Engine

COUNT_COLUMNS = ("total", "ok", "failed", "unchecked", "checked", "reverted", "refused")


def trends(engine: "Engine", group: str, from_: datetime, to: datetime) -> "DataFrame":
    """Return the patches first recorded in [from_, to) by ``day``, ``week``, ``phase``, ``order`` or ``factory``.

    Columns and dtypes: the group's name (``string``; an ISO day such as 2026-03-04, an ISO week such as 2026-W10, or a
    name; missing for patches without one); ``total``, ``ok``, ``failed``, ``unchecked``, ``checked`` (= ok + failed),
    ``reverted`` and ``refused`` (``int64``); ``success_rate`` (``Float64``: ok / checked, missing when nothing was
    checked). One row for each group that has patches, in order of its name. Rules: `contracts.reports.PatchCounts`.

    Raises:
        StatsRequestError: the group is unknown, an instant has no time zone, or `from_` is after `to`.
    """
    key = trend_group(group)
    period = utc_range(from_, to, now=to)
    with read_transaction(engine) as conn:
        rows = fold(patch_cells(conn, period), key)
    return trend_frame(rows, key)


def trend_frame(rows: list[TrendRow], name: str) -> "DataFrame":
    """Return rows as a frame whose first column is called `name`; see `trends` for the others."""
    import pandas as pd

    return pd.DataFrame(
        {
            str(name): pd.array([row.key for row in rows], dtype="string"),
            **{
                column: pd.Series([getattr(row.counts, column) for row in rows], dtype="int64")
                for column in COUNT_COLUMNS
            },
            "success_rate": pd.array([row.counts.success_rate for row in rows], dtype="Float64"),
        }
    )
