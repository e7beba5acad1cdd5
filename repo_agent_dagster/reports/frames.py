"""Patches counted, as pandas frames, for notebooks and scripts; types are the same whether there are rows or not.

A person calls these by hand. So they may be called without a store: then it is the configured one, as on the command
line (`REPO_AGENT_HOME`, `REPO_AGENT_DATABASE_URL`).
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.patch_stats import PatchTrends, TrendGroup
from repo_agent_dagster.reports.export import PatchRow, patch_rows
from repo_agent_dagster.reports.periods import STATS_DAYS, TREND_DAYS, Moment, group_of, range_of
from repo_agent_dagster.reports.stats import stats as count_range
from repo_agent_dagster.reports.stats import trends as count_groups

if TYPE_CHECKING:
    from pandas import DataFrame, Series
    from pandas.api.extensions import ExtensionArray
    from sqlalchemy import Engine

    from repo_agent_dagster.contracts.reports import PatchCounts

COUNT_COLUMNS = ("total", "ok", "failed", "unchecked", "checked", "reverted", "refused")


def trends(
    group: str, from_: Moment | None = None, to: Moment | None = None, *, engine: "Engine | None" = None
) -> "DataFrame":
    """Return the patches begun in the range by day, week, phase, order, factory, operation, workspace or file.

    `from_` and `to` are days (``date`` or ``"2026-03-04"``: all of it) or instants with a zone; `to`, as an instant, is
    left out. Without them it is the last 30 days. Days and weeks come in their order, names the fullest first.

    | column | dtype | |
    |---|---|---|
    | `workspace` | ``string`` | only of files |
    | the group's name | ``string`` | 2026-03-04, 2026-W10 or a name; missing: patches without one |
    | ``total``, ``ok``, ``failed``, ``unchecked``, ``checked``, ``reverted``, ``refused`` | ``int64`` | patches |
    | ``success_rate`` | ``Float64`` | ok / checked, 0–1; missing when nothing was checked |
    | ``first_patch``, ``last_patch`` | ``datetime64[us, UTC]`` | first event of the group's first and last patch |
    | ``duration`` | ``timedelta64[us]`` | between them |

    Raises:
        RangeError: the group is unknown, or the range means nothing; see `periods.range_of`.
    """
    by = group_of(group)
    period = range_of(from_, to, now=datetime.now(UTC), default_days=TREND_DAYS)
    return trend_frame(count_groups(engine or _configured_store(), by, period, limit=None))


def stats(
    from_: Moment | None = None, to: Moment | None = None, *, engine: "Engine | None" = None
) -> "dict[str, DataFrame]":
    """Return the patches begun in the range as frames by name; without a range, of the last 7 days.

    ``daily`` (``day``: ``datetime64[us]``; days without patches, too), ``factories`` (``factory``: ``string``), both
    with counts as in `trends`; ``operations`` (``op``: ``string``, ``patches``: ``int64``, ``share``: ``float64``);
    ``errors`` (``error``: ``string``, ``patches``: ``int64``), the ten most frequent; ``latency`` (``step``:
    ``string``, ``patches``: ``int64``, ``mean_seconds`` and ``p95_seconds``: ``Float64``).

    Raises:
        RangeError: the range means nothing; see `periods.range_of`.
    """
    import pandas as pd

    period = range_of(from_, to, now=datetime.now(UTC), default_days=STATS_DAYS)
    found = count_range(engine or _configured_store(), period)
    days = pd.Series([day.day for day in found.daily], dtype="datetime64[us]")
    return {
        "daily": pd.DataFrame({"day": days, **_counts([day.counts for day in found.daily])}),
        "factories": pd.DataFrame(
            {
                "factory": pd.array([row.factory for row in found.factories], dtype="string"),
                **_counts([row.counts for row in found.factories]),
            }
        ),
        "operations": pd.DataFrame(
            {
                "op": pd.array([row.op for row in found.operations], dtype="string"),
                "patches": pd.Series([row.patches for row in found.operations], dtype="int64"),
                "share": pd.Series([row.share for row in found.operations], dtype="float64"),
            }
        ),
        "errors": pd.DataFrame(
            {
                "error": pd.array([row.error for row in found.errors], dtype="string"),
                "patches": pd.Series([row.patches for row in found.errors], dtype="int64"),
            }
        ),
        "latency": pd.DataFrame(
            {
                "step": pd.array([row.step for row in found.latency], dtype="string"),
                "patches": pd.Series([row.patches for row in found.latency], dtype="int64"),
                "mean_seconds": pd.array([row.mean_seconds for row in found.latency], dtype="Float64"),
                "p95_seconds": pd.array([row.p95_seconds for row in found.latency], dtype="Float64"),
            }
        ),
    }


def patches(from_: Moment | None = None, to: Moment | None = None, *, engine: "Engine | None" = None) -> "DataFrame":
    """Return one row for each patch begun in the range; without a range, of the last 30 days.

    The columns are those of `export.PatchRow`: texts as ``string`` (missing where there is none), ``outcome`` and
    ``op`` as ``category``, ``is_reverted`` and ``is_refused`` as ``bool``, ``day`` as ``datetime64[us]``, instants as
    ``datetime64[us, UTC]``. All rows are in memory: some 500 bytes for each patch. For more than that, export a file.

    Raises:
        RangeError: the range means nothing; see `periods.range_of`.
    """
    import pandas as pd

    period = range_of(from_, to, now=datetime.now(UTC), default_days=TREND_DAYS)
    rows = list(patch_rows(engine or _configured_store(), period))
    return pd.DataFrame(
        {
            name: pd.Series([row[index] for row in rows], dtype=_PATCH_TYPES.get(name, "string"))
            for index, name in enumerate(PatchRow._fields)
        }
    )


def trend_frame(found: PatchTrends) -> "DataFrame":
    """Return trends as a frame; see `trends` for its columns."""
    import pandas as pd

    rows = found.rows
    place = {"workspace": pd.array([row.workspace for row in rows], dtype="string")}
    return pd.DataFrame(
        {
            **(place if found.group is TrendGroup.FILE else {}),
            found.group.value: pd.array([row.key for row in rows], dtype="string"),
            **_counts([row.counts for row in rows]),
            "first_patch": pd.Series([row.first_patch for row in rows], dtype=_INSTANT),
            "last_patch": pd.Series([row.last_patch for row in rows], dtype=_INSTANT),
            "duration": pd.Series([row.last_patch - row.first_patch for row in rows], dtype="timedelta64[us]"),
        }
    )


_INSTANT = "datetime64[us, UTC]"
_PATCH_TYPES = {
    "day": "datetime64[us]",
    "opened_at": _INSTANT,
    "requested_at": _INSTANT,
    "applied_at": _INSTANT,
    "validated_at": _INSTANT,
    "op": "category",
    "outcome": "category",
    "is_reverted": "bool",
    "is_refused": "bool",
}


def _counts(counts: "list[PatchCounts]") -> "dict[str, Series | ExtensionArray]":
    import pandas as pd

    return {
        **{name: pd.Series([getattr(one, name) for one in counts], dtype="int64") for name in COUNT_COLUMNS},
        "success_rate": pd.array([one.success_rate for one in counts], dtype="Float64"),
    }


def _configured_store() -> "Engine":
    # The one place where an engine reads the settings: this module is a face, for people at a Python prompt.
    from repo_agent_dagster.settings import Settings
    from repo_agent_dagster.store.revision import open_upgraded

    return open_upgraded(Settings().store_url)
