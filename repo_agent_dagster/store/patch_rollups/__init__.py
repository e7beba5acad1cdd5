"""Patches counted ahead by day, week and month, and read so that the answer equals the events at all times.

`folding` counts ahead, `reading` answers, `direct` answers from the events alone, and `checking` compares the two.
"""

from repo_agent_dagster.store.patch_rollups.checking import Mismatch, compare_days, sample_days
from repo_agent_dagster.store.patch_rollups.dimensions import Dimension
from repo_agent_dagster.store.patch_rollups.facts import PatchFact, facts_between
from repo_agent_dagster.store.patch_rollups.folding import Folded, days_due, fold, fold_day, note_events, rebuild_day
from repo_agent_dagster.store.patch_rollups.latency import LatencySum, Step
from repo_agent_dagster.store.patch_rollups.queries import DirectQuery, shown_query
from repo_agent_dagster.store.patch_rollups.reading import (
    ErrorCounts,
    ErrorRow,
    GroupedCounts,
    KeyCounts,
    NotCountedAheadError,
    PatchReading,
)
from repo_agent_dagster.store.patch_rollups.rolled_up import PatchFilter
from repo_agent_dagster.store.patch_rollups.sums import Counts

__all__ = [
    "Counts",
    "Dimension",
    "DirectQuery",
    "ErrorCounts",
    "ErrorRow",
    "Folded",
    "GroupedCounts",
    "KeyCounts",
    "LatencySum",
    "Mismatch",
    "NotCountedAheadError",
    "PatchFact",
    "PatchFilter",
    "PatchReading",
    "Step",
    "compare_days",
    "days_due",
    "facts_between",
    "fold",
    "fold_day",
    "note_events",
    "rebuild_day",
    "sample_days",
    "shown_query",
]
