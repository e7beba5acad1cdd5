"""How an order ended, in one sentence."""

from repo_agent_dagster.contracts.reports import DeliveryReport
from repo_agent_dagster.pages.rendering import Headline
from repo_agent_dagster.reports import wording


def headline(report: DeliveryReport) -> Headline:
    """Say in one sentence how the order ended, worst news first."""
    totals = report.totals
    broken = [chain for chain in report.custody if not chain.intact]
    if broken:
        return Headline("failed", f"The custody chain is broken in {wording.plural(len(broken), 'workspace')}.")
    if totals.failed:
        return Headline(
            "failed", f"{totals.failed} of {wording.plural(totals.checked, 'checked patch', 'checked patches')} failed."
        )
    if totals.refused:
        return Headline("failed", f"{wording.plural(totals.refused, 'patch', 'patches')} failed before any check ran.")
    if totals.unchecked:
        checked = f"all {totals.ok} that were checked passed" if totals.checked else "nothing was checked"
        return Headline("unchecked", f"{wording.plural(totals.unchecked, 'patch', 'patches')} unchecked; {checked}.")
    if totals.total:
        return Headline("ok", "Every patch was checked and passed.")
    return Headline("unchecked", "No patches.")
