"""How far the same problem reaches: an incident has one place, but others may have its like."""

from collections import defaultdict
from collections.abc import Iterable

from repo_agent_dagster.ops.analysis.model import Incident


def note_spread(incidents: Iterable[Incident]) -> None:
    """Set each incident's `place_count`: in how many workers or repositories its kind, exception and template occur."""
    alike: defaultdict[tuple[str, str | None, str], list[Incident]] = defaultdict(list)
    for incident in incidents:
        alike[incident.place.kind, incident.first.exception, incident.template].append(incident)
    for group in alike.values():
        count = len({incident.place.name for incident in group})
        for incident in group:
            incident.place_count = count
