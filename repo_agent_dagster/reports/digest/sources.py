"""Why each number of a weekly digest is what it is."""

from repo_agent_dagster.contracts.patch_stats import PatchStats, PatchTrends
from repo_agent_dagster.contracts.reports import NumberSource

_WEEK = NumberSource(
    id="week",
    number="The week",
    rule="An ISO 8601 week, Monday 00:00 UTC to the next; “before” is the same count of the seven days before it.",
)
_OPS_ISSUES = NumberSource(
    id="ops-issues",
    number="Ops issues",
    rule="Opened: rows of ops_issues made in the week. Resolved: those whose resolved_at is in it; an issue that was "
    "reopened since has none.",
)


def digest_sources(stats: PatchStats, phases: PatchTrends, orders: PatchTrends) -> list[NumberSource]:
    """Return the sources of the week's stats, and after them those of what the digest has besides."""
    return [
        *stats.sources,
        _WEEK,
        NumberSource(
            id="phases", number="By phase", rule="The phase of the patch's first event.", query=_query(phases)
        ),
        NumberSource(
            id="orders",
            number="Orders",
            rule="By the order of the patch's first event: patches begun in this week alone, while the order's own "
            "report counts all of them.",
            query=_query(orders),
        ),
        _OPS_ISSUES,
    ]


def _query(trends: PatchTrends) -> str | None:
    return next((source.query for source in trends.sources if source.id == "groups"), None)
