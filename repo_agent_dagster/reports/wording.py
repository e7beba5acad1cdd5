"""How a delivery report says things: the words of all pages, and those of patches and validations."""

from repo_agent_dagster.contracts.reports import ModelCost, PatchCounts
from repo_agent_dagster.contracts.tasks import Pathway
from repo_agent_dagster.pages.wording import day, duration, instant, latency, plural, words

__all__ = [
    "cost",
    "day",
    "dollars",
    "duration",
    "instant",
    "latency",
    "lines",
    "name",
    "note",
    "plural",
    "proof",
    "rate",
    "short_rate",
    "step",
    "verdict",
]

_MAX_NAME = 400
_MAX_NOTE = 300
_VERDICTS = {"setup_failed": "set-up failed"}
_PROOFS: dict[str, str] = {
    Pathway.SOLUTION_VALIDATION: "Validation",
    Pathway.ERROR_RECREATION: "Error recreation",
    Pathway.TESTING: "Test run",
}


def name(text: str | None) -> str:
    """Return a name short enough for a page; what is cut is the middle, as a path's ends tell most."""
    if text is None:
        return "–"
    return text if len(text) <= _MAX_NAME else f"{text[: _MAX_NAME // 2]}…{text[-_MAX_NAME // 2 :]}"


def note(text: str) -> str:
    """Return a remark, such as an error in a row, short enough for a page."""
    return text if len(text) <= _MAX_NOTE else text[: _MAX_NOTE - 1] + "…"


def rate(counts: PatchCounts) -> str:
    """Return the success rate with its denominator, e.g. ``75.0 % (3 of 4 checked)``."""
    if counts.success_rate is None:
        return "no rate: nothing was checked"
    return f"{counts.success_rate:.1%} ({counts.ok} of {counts.checked} checked)".replace("%", " %")


def short_rate(counts: PatchCounts) -> str:
    """Return the success rate with its denominator where there is little room, e.g. ``75.0 % of 4``."""
    if counts.success_rate is None:
        return "nothing checked"
    return f"{100 * counts.success_rate:.1f} % of {counts.checked:,}"


def lines(added: int | None, removed: int | None) -> str:
    """Return added and removed lines, e.g. ``+12 −3``; ``?`` where it is not known."""
    return f"+{'?' if added is None else added} −{'?' if removed is None else removed}"


def cost(model: ModelCost) -> str:
    """Return what a model's calls cost as far as it is known, e.g. ``$1.20``; ``unknown`` where it is of none."""
    return "unknown" if model.calls_without_cost == model.calls else dollars(model.cost_usd)


def dollars(amount: float) -> str:
    """Return US dollars to the cent, and less than a cent to its hundredth, e.g. ``$1.20`` and ``$0.0042``."""
    return f"${amount:,.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.4f}"


def step(name: str) -> str:
    """Return a step between two events of a patch in words, e.g. ``requested → applied``."""
    return name.replace("_", " → ")


def verdict(name: str) -> str:
    """Return a validation's verdict in words."""
    return _VERDICTS.get(name, words(name))


def proof(pathway: str) -> str:
    """Return what a pathway that gives a verdict is called in a report."""
    return _PROOFS.get(pathway, words(pathway))
