"""Why a number of stats and trends is what it is: its rule in words, and the direct query that counts the same."""

from repo_agent_dagster.contracts.patch_stats import TrendGroup
from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.contracts.reports import NumberSource
from repo_agent_dagster.store.patch_rollups import DirectQuery, shown_query

_COUNTING = (
    (
        "patches",
        "Patches",
        "Each patch once, by the instant, and with the factory, phase, order, operation and file, of its first event. "
        "The batch that takes a patch back (operation revert) is not counted as patches of its own.",
    ),
    (
        "outcomes",
        "Ok / failed / unchecked",
        "By the patch's last event with a ts_check_ok, whenever that was: true is ok, false is failed. A patch without "
        "such an event is unchecked: neither ok nor failed.",
    ),
    (
        "success-rate",
        "Success rate",
        "Ok divided by ok + failed, which is its denominator. Unchecked patches are in neither; where nothing was "
        "checked there is no rate.",
    ),
    ("reverted", "Reverted", "Patches with a patch_reverted event; by their check they are counted as well."),
    (
        "refused",
        "Refused",
        "Unchecked patches with a patch_failed event: they failed before any check, e.g. by a conflict.",
    ),
)

_STATS = (
    (
        "days",
        "Patches a day",
        "By the UTC day of the patch's first event; the days add up to the range.",
        DirectQuery.BY_DAY,
    ),
    ("factories", "By factory", "A factory is the requester of the patch's first event.", DirectQuery.BY_FACTORY),
    (
        "operations",
        "Operations",
        "By the operation of the patch's first event; the share is of all patches of the range.",
        DirectQuery.BY_OP,
    ),
    ("errors", "Top errors", "Each patch once, by the last error among its events.", DirectQuery.ERRORS),
    (
        "latency",
        "Latency",
        "Between a patch's first patch_requested, its first patch_applied and its first patch_validated event, over "
        "the patches that have both. The mean is exact; the p95 comes from a histogram that adds up over days, exact "
        "to 2.5 %.",
        DirectQuery.LATENCY,
    ),
)

_GROUPS = {
    TrendGroup.DAY: ("The UTC day of the patch's first event.", DirectQuery.BY_DAY),
    TrendGroup.WEEK: ("The ISO 8601 week of that day: it begins on Monday.", DirectQuery.BY_WEEK),
    TrendGroup.PHASE: ("The phase of the patch's first event; null: its batch named none.", DirectQuery.BY_PHASE),
    TrendGroup.ORDER: ("The order of the patch's first event; without one it is unattributed.", DirectQuery.BY_ORDER),
    TrendGroup.FACTORY: ("The requester of the patch's first event.", DirectQuery.BY_FACTORY),
    TrendGroup.OPERATION: ("The operation of the patch's first event.", DirectQuery.BY_OP),
    TrendGroup.WORKSPACE: ("The workspace of the patch's first event.", DirectQuery.BY_WORKSPACE),
    TrendGroup.FILE: ("The file of the patch's first event, within its workspace.", DirectQuery.BY_FILE),
}


def stat_sources(period: UtcRange, dialect: str) -> list[NumberSource]:
    """Return the sources of the numbers of `PatchStats`, with queries for the database of that dialect."""
    by_day = shown_query(DirectQuery.BY_DAY, period, dialect)
    return [
        *(NumberSource(id=id_, number=number, rule=rule, query=by_day) for id_, number, rule in _COUNTING),
        *(
            NumberSource(id=id_, number=number, rule=rule, query=shown_query(query, period, dialect))
            for id_, number, rule, query in _STATS
        ),
    ]


def trend_sources(group: TrendGroup, period: UtcRange, dialect: str) -> list[NumberSource]:
    """Return the sources of the numbers of `PatchTrends`, with the query for the database of that dialect."""
    rule, name = _GROUPS[group]
    query = shown_query(name, period, dialect)
    return [
        NumberSource(id="groups", number=f"By {group}", rule=rule, query=query),
        *(NumberSource(id=id_, number=number, rule=text, query=query) for id_, number, text in _COUNTING),
        NumberSource(
            id="first-last",
            number="First patch, last patch, duration",
            rule="The first events of the earliest and of the latest patch of the group in the range; between them.",
            query=query,
        ),
    ]
