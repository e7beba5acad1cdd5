"""How a digest says things: its headline, changes against the week before, and latencies."""

from repo_agent_dagster.contracts.digests import WeeklyDigest
from repo_agent_dagster.contracts.reports import PatchCounts
from repo_agent_dagster.pages.rendering import Headline
from repo_agent_dagster.pages.wording import plural


def headline(digest: WeeklyDigest) -> Headline:
    """Say in one sentence how the week went."""
    totals = digest.totals
    if not totals.total:
        return Headline("unchecked", "No patches this week.")
    orders = len(digest.orders) + digest.orders_left_out
    begun = f"{plural(totals.total, 'patch', 'patches')} of {plural(orders, 'order')}"
    if totals.success_rate is None:
        return Headline("unchecked", f"{begun}; nothing was checked.")
    told = points(totals, digest.before)
    against = f", {told} against the week before" if told != "–" else ""
    rate = f"{100 * totals.success_rate:.1f} % of {totals.checked:,} checked passed"
    return Headline("failed" if told.startswith("−") else "ok", f"{begun}; {rate}{against}.")


def change(now: int, before: int) -> str:
    """Return how a count changed, e.g. ``+12 (+9 %)``, ``−1 (−0.3 %)``, ``±0``; without a share where nothing was."""
    difference = now - before
    if difference == 0:
        return "±0"
    sign = "+" if difference > 0 else "−"
    told = f"{sign}{abs(difference):,}"
    if not before:
        return told
    share = abs(100 * difference / before)
    return f"{told} ({sign}{share:,.0f} %)" if share >= 1 else f"{told} ({sign}{share:.1f} %)"


def points(now: PatchCounts, before: PatchCounts) -> str:
    """Return how the success rate changed in percentage points, e.g. ``+1.5 points``; a dash if one has no rate."""
    if now.success_rate is None or before.success_rate is None:
        return "–"
    difference = round(100 * (now.success_rate - before.success_rate), 1)
    if difference == 0:
        return "±0 points"
    return f"{'+' if difference > 0 else '−'}{abs(difference):.1f} points"
