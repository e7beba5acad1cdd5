"""Inventories as one HTML page that needs nothing else: styles and the small script are inside, no request is made."""

from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.migration.inventory import wording
from repo_agent_dagster.migration.inventory.estimate import RULES
from repo_agent_dagster.migration.inventory.model import Package, UnitInventory
from repo_agent_dagster.pages.rendering import page_environment, page_script

_PACKAGE = "repo_agent_dagster.migration.inventory"
_MOST_SHARES = 6


@dataclass(frozen=True)
class Share:
    """A language's part of a unit's lines: where its bar begins and how wide it is, in percent."""

    language: str
    lines: int
    start: float
    width: float
    tone: int


def render_html(inventories: UnitInventory | Sequence[UnitInventory]) -> str:
    """Return the page of one unit or of several; all that came from the units is escaped."""
    units = [inventories] if isinstance(inventories, UnitInventory) else list(inventories)
    template = page_environment(_PACKAGE).get_template("inventory.html.j2")
    return template.render(
        units=units,
        shares_of=shares_of,
        packages_of=packages_of,
        rules=RULES,
        wording=wording,
        script=page_script(_PACKAGE, "inventory.js"),
    )


def shares_of(unit: UnitInventory) -> list[Share]:
    """Return each language's share of the lines; the small ones are one share, called other."""
    total = unit.lines or 1
    counted = [(one.language, one.lines) for one in unit.languages if one.lines]
    shown, rest = counted[:_MOST_SHARES], sum(lines for _, lines in counted[_MOST_SHARES:])
    shares, start = [], 0.0
    for tone, (language, lines) in enumerate([*shown, *([("other", rest)] if rest else [])]):
        width = 100 * lines / total
        shares.append(Share(language, lines, round(start, 3), round(width, 3), tone))
        start += width
    return shares


def packages_of(unit: UnitInventory) -> list[Package]:
    """Return the unit's packages without what its platforms bring along."""
    return [package for package in unit.packages if package.ecosystem != "platform"]
