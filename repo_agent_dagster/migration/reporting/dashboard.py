"""The dashboard of all units as one HTML page that needs nothing else: styles and the small script are inside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from repo_agent_dagster.migration.reporting.unit_states import UnitState
from repo_agent_dagster.pages import wording
from repo_agent_dagster.pages.rendering import Headline, page_environment, page_script

_PACKAGE = "repo_agent_dagster.migration.reporting"

SHORT_DIGEST = 12


@dataclass(frozen=True)
class StateGroup:
    """States that mean the same to who looks: what it is called, its tone, and which states are in it."""

    name: str
    label: str
    tone: str
    states: frozenset[str]


GROUPS = (
    StateGroup("attention", "need a person", "failed", frozenset({"failed", "rolled_back", "conflict", "waiting"})),
    StateGroup("moving", "under way", "unchecked", frozenset({"seen", "planned"})),
    StateGroup("done", "migrated", "ok", frozenset({"validated", "applied"})),
)
_TONES = {"validated": "ok", "failed": "failed", "rolled_back": "failed", "conflict": "failed", "waiting": "reverted"}


@dataclass(frozen=True)
class GroupCount:
    """How many units are in a group."""

    group: StateGroup
    count: int


def render_dashboard(units: Sequence[UnitState], *, generated_at: datetime) -> str:
    """Return the page. Everything that came from units is escaped; without scripts the table is whole, but fixed."""
    template = page_environment(_PACKAGE).get_template("dashboard.html.j2")
    return template.render(
        units=sorted(units, key=_worst_first),
        groups=group_counts(units),
        headline=headline(units),
        target_roots=sorted({unit.target_root for unit in units}),
        generated_at=generated_at,
        script=page_script(_PACKAGE, "dashboard.js"),
        group_of=group_of,
        tone_of=lambda state: _TONES.get(state, ""),
        short=SHORT_DIGEST,
        minute=lambda at: f"{at:%Y-%m-%d %H:%M}",
        wording=wording,
    )


def group_counts(units: Iterable[UnitState]) -> list[GroupCount]:
    """Return each group with the number of its units, worst first."""
    states = [group_of(unit.state).name for unit in units]
    return [GroupCount(group, states.count(group.name)) for group in GROUPS]


def group_of(state: str) -> StateGroup:
    """Return the group that a state is in; one that is not known counts as under way."""
    return next((group for group in GROUPS if state in group.states), GROUPS[1])


def headline(units: Sequence[UnitState]) -> Headline:
    """Say in one sentence how the units stand, worst news first."""
    counts = {entry.group.name: entry.count for entry in group_counts(units)}
    if not units:
        return Headline("unchecked", "No unit was seen yet.")
    if counts["attention"]:
        verb = "needs" if counts["attention"] == 1 else "need"
        return Headline("failed", f"{counts['attention']} of {wording.plural(len(units), 'unit')} {verb} a person.")
    if counts["moving"]:
        return Headline("unchecked", f"{wording.plural(counts['moving'], 'unit')} under way, nothing stuck.")
    return Headline("ok", "Every unit is migrated.")


def _worst_first(unit: UnitState) -> tuple[int, str, str]:
    return GROUPS.index(group_of(unit.state)), unit.unit, unit.target_root
