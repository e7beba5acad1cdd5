"""How a delivery report says things: the words of all pages, and those of patches and validations."""

from repo_agent_dagster.contracts.reports import PatchCounts
from repo_agent_dagster.contracts.tasks import Pathway
from repo_agent_dagster.pages.wording import day, duration, instant, plural, words

__all__ = ["day", "duration", "instant", "lines", "plural", "proof", "rate", "verdict"]

_VERDICTS = {"setup_failed": "set-up failed"}
_PROOFS = {
    Pathway.SOLUTION_VALIDATION: "Validation",
    Pathway.ERROR_RECREATION: "Error recreation",
    Pathway.TESTING: "Test run",
}


def rate(counts: PatchCounts) -> str:
    """Return the success rate with its denominator, e.g. ``75.0 % (3 of 4 checked)``."""
    if counts.success_rate is None:
        return "no rate: nothing was checked"
    return f"{counts.success_rate:.1%} ({counts.ok} of {counts.checked} checked)".replace("%", " %")


def lines(added: int | None, removed: int | None) -> str:
    """Return added and removed lines, e.g. ``+12 −3``; ``?`` where it is not known."""
    return f"+{'?' if added is None else added} −{'?' if removed is None else removed}"


def verdict(name: str) -> str:
    """Return a validation's verdict in words."""
    return _VERDICTS.get(name, words(name))


def proof(pathway: str) -> str:
    """Return what a pathway that gives a verdict is called in a report."""
    return _PROOFS.get(Pathway(pathway), words(pathway))
