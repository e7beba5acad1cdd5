"""Watching a STAGING folder: what a look tells, seen with what earlier looks saw. The sensor and `watch` share it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.faults import ManifestError
from repo_agent_dagster.migration.manifest.reading import load_manifest
from repo_agent_dagster.migration.units.scan import StagingUnit
from repo_agent_dagster.migration.units.waiting import circles

WatchState = Literal["changing", "waiting", "circular", "broken", "handed_on"]
IsMigrated = Callable[[str, str | None], bool]
"""Whether a unit (by its manifest's name) was migrated: its content of this digest, or any content for None."""

UNITS_A_ROUND = 100
"""Manifests read in one round, so that a thousand units that settle at once do not hold it up."""

DIGEST_LENGTH = 16
_UNIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@dataclass(frozen=True)
class Watched:
    """One unit as earlier looks saw it.

    `digest` is the beginning of its content's digest and `since` when a look first saw that; `reason` is what was told
    of it. `unit` is the name that its manifest gives it, as far as one was read: mostly the folder's, by which looks
    know it. `after` is its present manifest's.
    """

    digest: str
    since: datetime
    state: WatchState = "changing"
    reason: str = ""
    unit: str = ""
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ready:
    """A unit that can be migrated now."""

    unit: StagingUnit
    manifest: Manifest


@dataclass(frozen=True)
class Told:
    """Something about a unit that was not told before."""

    unit: StagingUnit
    reason: str


@dataclass(frozen=True)
class Round:
    """What one look came to: what to remember, what to hand on, and what is new to tell."""

    watched: Mapping[str, Watched]
    ready: tuple[Ready, ...]
    troubles: tuple[Told, ...]
    """Broken manifests and circles: each once, and again only when the unit changed."""
    newly_waiting: tuple[Told, ...]

    def names(self, state: WatchState) -> list[str]:
        """Return the names of the units in a state, sorted."""
        return sorted(name for name, watched in self.watched.items() if watched.state == state)


@dataclass(frozen=True)
class Watch:
    """The rules: when a unit counts as settled, and which units were migrated."""

    staging_dir: Path
    settle_seconds: float
    is_migrated: IsMigrated
    units_a_round: int = UNITS_A_ROUND

    def look(self, units: Iterable[StagingUnit], seen: Mapping[str, Watched], *, now: datetime) -> Round:
        """Return what this look came to, with what the looks before it saw.

        A unit is settled when its digest stood still for `settle_seconds` between looks, by the clock of whoever
        looks: what the clock of a file server says does not count.
        """
        present = {unit.name: unit for unit in units}
        watched = {name: _seen_again(unit, seen.get(name), now) for name, unit in present.items()}
        manifests: dict[str, Manifest] = {}
        settled = [name for name in sorted(present) if self._is_settled(present[name], watched[name], now)]
        for name in settled[: self.units_a_round]:
            watched[name] = self._read_manifest(present[name], watched[name], manifests)
        self._let_wait(present, watched)
        ready: list[Ready] = []
        for name in sorted(present):
            if watched[name].state == "waiting" and not watched[name].reason:
                read = manifests.get(name) or self._manifest_again(present[name], watched)
                if read is not None:
                    ready.append(Ready(present[name], read))
                    watched[name] = replace(watched[name], state="handed_on", after=())
        new = [
            (Told(present[name], one.reason), one.state)
            for name, one in sorted(watched.items())
            if one.reason and (name not in seen or (seen[name].digest, seen[name].reason) != (one.digest, one.reason))
        ]
        return Round(
            watched,
            tuple(ready),
            tuple(told for told, state in new if state != "waiting"),
            tuple(told for told, state in new if state == "waiting"),
        )

    def _is_settled(self, unit: StagingUnit, watched: Watched, now: datetime) -> bool:
        stood = now - watched.since >= timedelta(seconds=self.settle_seconds)
        return watched.state == "changing" and stood and not unit.unfinished and watched.since < now

    def _read_manifest(self, unit: StagingUnit, watched: Watched, manifests: dict[str, Manifest]) -> Watched:
        if not _UNIT_NAME.fullmatch(unit.name):
            return replace(
                watched,
                state="broken",
                reason=f"{unit.name!r} cannot be a unit's name: rename the folder to letters, digits, '.', '_' or '-'",
            )
        try:
            manifest = load_manifest(unit, self.staging_dir)
        except ManifestError as error:
            return replace(watched, state="broken", reason=str(error))
        manifests[unit.name] = manifest
        return replace(watched, state="waiting", unit=manifest.unit, after=manifest.after)

    def _manifest_again(self, unit: StagingUnit, watched: dict[str, Watched]) -> Manifest | None:
        """Read the manifest of a unit that waited; what changed since the look is a change, and is seen next time."""
        manifests: dict[str, Manifest] = {}
        watched[unit.name] = self._read_manifest(unit, watched[unit.name], manifests)
        return manifests.get(unit.name)

    def _let_wait(self, present: Mapping[str, StagingUnit], watched: dict[str, Watched]) -> None:
        """Give each unit that waits for others its reason, or none if it waits for nobody."""
        folders = {name: name for name in present} | {one.unit: name for name, one in watched.items() if one.unit}
        waiting = {name: one for name, one in watched.items() if one.state in ("waiting", "circular")}
        missing = {
            name: [other for other in one.after if not self._was_migrated(other, folders.get(other), present)]
            for name, one in waiting.items()
        }
        around = circles({name: [folders.get(other, other) for other in others] for name, others in missing.items()})
        for name, one in waiting.items():
            if name in around:
                way = " → ".join(around[name])
                reason = f"waits for itself: after: goes {way}; take one of these out of its manifest"
                watched[name] = replace(one, state="circular", reason=reason)
            else:
                waits = _twins(name, watched) + [_why(other, folders.get(other), watched) for other in missing[name]]
                watched[name] = replace(one, state="waiting", reason="; ".join(waits))

    def _was_migrated(self, unit: str, folder: str | None, present: Mapping[str, StagingUnit]) -> bool:
        return self.is_migrated(unit, None if folder is None else present[folder].digest)


def _seen_again(unit: StagingUnit, before: Watched | None, now: datetime) -> Watched:
    digest = unit.digest[:DIGEST_LENGTH]
    if before is None or before.digest != digest or (unit.unfinished and before.state == "changing"):
        return Watched(digest, since=now, unit=before.unit if before else "")
    return before


def _twins(folder: str, watched: Mapping[str, Watched]) -> list[str]:
    """Return why a folder waits whose unit is in another folder, too: two of them would write one destination."""
    unit = watched[folder].unit
    first = min(name for name, one in watched.items() if one.unit == unit)
    return [] if first == folder else [f"waits for {first} to go, which has the unit {unit}, too"]


def _why(name: str, folder: str | None, watched: Mapping[str, Watched]) -> str:
    if folder is None:
        return f"waits for {name}, which is not in STAGING and was never migrated"
    states = {"changing": "still changing", "broken": "broken", "circular": "waiting for itself"}
    return f"waits for {name}, which is {states.get(watched[folder].state, 'not migrated yet')}"
