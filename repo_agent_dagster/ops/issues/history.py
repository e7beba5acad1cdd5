"""What is known of incidents from before a scan: the trailing days by which their frequency is judged."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import TYPE_CHECKING

from repo_agent_dagster.ops.analysis.fingerprint import VERSION
from repo_agent_dagster.ops.analysis.model import History, Incident
from repo_agent_dagster.store import ops_fingerprints, ops_tallies

if TYPE_CHECKING:
    from sqlalchemy import Connection

BASELINE_DAYS = 7


def history_of(
    connection: "Connection", incidents: Collection[Incident], day: date, *, days: int = BASELINE_DAYS
) -> dict[str, History]:
    """Return what is known of each incident from the `days` days before `day`, by its fingerprint's value.

    An incident is known by its fingerprint or any of its aliases, the first that leads to an issue, or else by those of
    earlier rules. One that is not known has no status, and counts of nothing.
    """
    names = [name for incident in incidents for name in _names(incident)]
    known = ops_fingerprints.known(connection, names)
    unknown = [incident for incident in incidents if known.keys().isdisjoint(_names(incident))]
    earlier = [name for incident in unknown for name in incident.fingerprint.earlier]
    known |= ops_fingerprints.known_before(connection, earlier, version=VERSION)
    past = ops_tallies.past_days(connection, set(known.values()), day, days=days)
    first, last = day - timedelta(days=days), day - timedelta(days=1)
    scanned = {
        kind: len(ops_tallies.covered_days(connection, kind, first, last))
        for kind in {incident.place.kind for incident in incidents}
    }
    found: dict[str, History] = {}
    for incident in incidents:
        names = [*_names(incident), *incident.fingerprint.earlier]
        owner = next((known[name] for name in names if name in known), None)
        before = past.get(owner) if owner is not None else None
        if before is None:
            history = History(daily_counts=(0,) * days, scanned_days=scanned[incident.place.kind])
        else:
            history = History(
                daily_counts=before.daily_counts,
                scanned_days=before.scanned_days,
                status=before.status and before.status.value,
                regressions=before.regressions,
                flaky_days=before.flaky_days,
            )
        found[incident.fingerprint.value] = history
    return found


def _names(incident: Incident) -> tuple[str, ...]:
    return (incident.fingerprint.value, *incident.fingerprint.aliases)
