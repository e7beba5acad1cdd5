"""Inventories as one HTML page that needs nothing else: styles and the small script are inside, no request is made."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files as package_files
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.inventory import wording
from repo_agent_dagster.migration.inventory.estimate import RULES
from repo_agent_dagster.migration.inventory.model import Package, UnitInventory

if TYPE_CHECKING:
    from jinja2 import Environment, Template

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
    script = _script()
    return _template().render(
        units=units,
        shares_of=shares_of,
        packages_of=packages_of,
        rules=RULES,
        wording=wording,
        script=script,
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
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


@cache
def _script() -> str:
    return (package_files("repo_agent_dagster.migration.inventory") / "templates" / "inventory.js").read_text("utf-8")


@cache
def _template() -> "Template":
    return _environment().get_template("inventory.html.j2")


def _environment() -> "Environment":
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    # The delivery report's sheet is the house's look; what only inventories need is in their own.
    return Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("repo_agent_dagster.migration.inventory", "templates"),
                PackageLoader("repo_agent_dagster.reports", "templates"),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
