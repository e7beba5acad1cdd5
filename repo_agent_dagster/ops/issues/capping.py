"""The cap of a night: of very many new problems the gravest become issues, and one overflow issue tells of the rest."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from repo_agent_dagster.contracts.issue_details import IssueDetails
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.analysis.model import Incident
from repo_agent_dagster.pages import markdown_text
from repo_agent_dagster.pages.safety import inline, one_line
from repo_agent_dagster.pages.wording import plural
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store.ops_sightings import Sighting

OVERFLOW_FINGERPRINT = hashlib.sha256(b"repo-agent:ops:overflow").hexdigest()
"""The overflow issue is one, however many nights overflow."""

_SHOWN_PLACES, _LISTED_INCIDENTS, _LISTED_CHARACTERS = 20, 50_000, 300


@dataclass(frozen=True, slots=True)
class Capped:
    """What a scan records as issues, in the order in which it came, and what goes into the overflow, gravest first."""

    kept: tuple[Incident, ...]
    overflow: tuple[Incident, ...]


def cap(
    incidents: Sequence[Incident],
    severities: Mapping[str, int],
    known: Collection[str],
    *,
    max_new: int,
    opened_already: int = 0,
) -> Capped:
    """Return which incidents become issues: all that are known, and of the others the gravest and most frequent.

    `severities` and `known` are by the fingerprint's value; an incident is known also by its aliases. `opened_already`
    is how many issues earlier scans of the same day opened (`ops_tallies.opened_on`), so that scanning a day again
    does not open the next hundred.
    """
    new = [i for i in incidents if not {i.fingerprint.value, *i.fingerprint.aliases} & set(known)]
    new.sort(key=lambda i: (severities[i.fingerprint.value], -i.count, i.fingerprint.value))
    allowed = max(max_new - opened_already, 0)
    dropped = {incident.fingerprint.value for incident in new[allowed:]}
    kept = tuple(incident for incident in incidents if incident.fingerprint.value not in dropped)
    return Capped(kept, tuple(new[allowed:]))


def overflow_sightings(
    overflow: Sequence[Incident], severities: Mapping[str, int], day: date, *, listing_key: str | None
) -> list[Sighting]:
    """Return the sightings of the one overflow issue: one for each kind of log, told alike; none if there is none.

    `listing_key` is the artifact that holds `overflow_listing`.
    """
    if not overflow:
        return []
    severity = min(severities[incident.fingerprint.value] for incident in overflow)
    count = len(overflow)
    analysis = _analysis(overflow, severities, day, listing_key)
    kinds: tuple[LogKind, ...] = ("worker", "build")
    sightings = []
    for kind in kinds:
        ours = [incident for incident in overflow if incident.place.kind == kind]
        if not ours:
            continue
        first, last = _times(ours)
        if first is None or last is None:
            continue
        sightings.append(
            Sighting(
                fingerprint=OVERFLOW_FINGERPRINT,
                kind=kind,
                day=day,
                occurrences=sum(incident.count for incident in ours),
                first_seen=first,
                last_seen=last,
                severity=severity,
                severity_reasons=(f"the gravest of {plural(count, 'problem')}: {severity}",),
                title=f"overflow: {plural(count, 'further problem')} in one night",
                analysis=analysis,
                prompt="",
                sample=[],
                worker=None,
                repo=None,
                run_id=None,
                place="overflow",
                details=IssueDetails(listing=listing_key),
            )
        )
    return sightings


def overflow_listing(overflow: Iterable[Incident], severities: Mapping[str, int]) -> str:
    """Return the overflow as tab-separated lines with a heading: severity, occurrences, place, fingerprint, pattern."""
    lines = ["severity\toccurrences\tplace\tfingerprint\tpattern"]
    for number, incident in enumerate(overflow):
        if number >= _LISTED_INCIDENTS:
            lines.append("and more, which are counted in the issue")
            break
        value = incident.fingerprint.value
        place, template = (
            one_line(redact(text), _LISTED_CHARACTERS) for text in (str(incident.place), incident.template)
        )
        lines.append(f"{severities[value]}\t{incident.count}\t{place}\t{value}\t{template}")
    return "\n".join(lines) + "\n"


def _times(incidents: Sequence[Incident]) -> tuple[datetime | None, datetime | None]:
    firsts = [incident.first_seen for incident in incidents if incident.first_seen is not None]
    lasts = [incident.last_seen for incident in incidents if incident.last_seen is not None]
    return min(firsts, default=None), max(lasts, default=None)


def _analysis(overflow: Sequence[Incident], severities: Mapping[str, int], day: date, listing_key: str | None) -> str:
    total = sum(incident.count for incident in overflow)
    by_severity = Counter(severities[incident.fingerprint.value] for incident in overflow)
    by_place = Counter(incident.place.name for incident in overflow)
    rated = ", ".join(f"{count:,} of severity {severity}" for severity, count in sorted(by_severity.items()))
    rows = [[inline(one_line(redact(name), 200)), f"{count:,}"] for name, count in by_place.most_common(_SHOWN_PLACES)]
    parts = [
        f"The night of {day} had more new problems than become issues of their own: {plural(len(overflow), 'problem')} "
        f"with {plural(total, 'occurrence')} are told of here alone ({rated}). Such a night mostly has one cause.",
        markdown_text.table(["place", "problems"], rows, numbers=frozenset({1})),
    ]
    if len(by_place) > _SHOWN_PLACES:
        parts.append(f"and {plural(len(by_place) - _SHOWN_PLACES, 'further place')}")
    if listing_key is not None:
        parts.append(f"All of them are in the artifact {markdown_text.code(listing_key)}.")
    return "\n\n".join(parts)
