"""Whose sightings are: the issue that each belongs to, known by a fingerprint or new."""

from collections.abc import Collection, Sequence
from typing import Protocol

from sqlalchemy import Connection

from repo_agent_dagster.store import ops_fingerprints
from repo_agent_dagster.store.ids import new_id


class Named(Protocol):
    """What a sighting is known by; `earlier_fingerprints` are by earlier rules, and join nothing."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint by the present rules."""
        ...

    @property
    def aliases(self) -> tuple[str, ...]:
        """The others by the present rules."""
        ...

    @property
    def earlier_fingerprints(self) -> tuple[str, ...]:
        """Those by earlier rules."""
        ...

    @property
    def fingerprint_version(self) -> str:
        """The version of the present rules."""
        ...


def owners_of(connection: Connection, sightings: Sequence[Named]) -> tuple[list[str], set[str]]:
    """Return the id of each sighting's issue, in their order, and which of the issues are new.

    An issue is found by any fingerprint that a sighting has, the first that leads to one. Sightings that share one are
    of one issue.
    """
    known = ops_fingerprints.known(
        connection, [one for sighting in sightings for one in (sighting.fingerprint, *sighting.aliases)]
    )
    names = [(sighting.fingerprint, *sighting.aliases) for sighting in sightings]
    taken = {known[name] for ours in names for name in ours if name in known}
    unknown = [sighting for sighting, ours in zip(sightings, names, strict=True) if known.keys().isdisjoint(ours)]
    before = _known_before(connection, unknown)
    owners: list[str] = []
    new: set[str] = set()
    for sighting, ours in zip(sightings, names, strict=True):
        owner = next((known[name] for name in ours if name in known), None)
        if owner is None:
            # An issue of earlier rules goes to the first that asks for it: what was one may be several now.
            candidates = (before[old] for old in sighting.earlier_fingerprints if old in before)
            owner = next((candidate for candidate in candidates if candidate not in taken), None)
        if owner is None:
            owner = new_id()
            new.add(owner)
        taken.add(owner)
        for name in ours:
            known.setdefault(name, owner)
        owners.append(owner)
    return owners, new


def _known_before(connection: Connection, sightings: Collection[Named]) -> dict[str, str]:
    found: dict[str, str] = {}
    for version in {sighting.fingerprint_version for sighting in sightings}:
        earlier = [one for s in sightings if s.fingerprint_version == version for one in s.earlier_fingerprints]
        found.update(ops_fingerprints.known_before(connection, earlier, version=version))
    return found
