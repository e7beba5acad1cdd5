"""Join a day's failing lines into incidents, one for each fingerprint, in memory bounded by their number."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from repo_agent_dagster.contracts.logs import FAILURE_LEVELS, LogKind, LogLevel, LogRecord
from repo_agent_dagster.ops.analysis.fingerprint_v1 import exception_class, fingerprint_v1

MAX_SAMPLES = 3
MAX_RUN_IDS = 20
_DEFAULT_BRANCHES = frozenset({"main", "master", "trunk"})


@dataclass(slots=True)
class Incident:
    """What a day's lines of one fingerprint have in common. Times are UTC; `samples` are the first few lines."""

    fingerprint: str
    kind: LogKind
    place: str
    level: LogLevel
    exception: str | None
    first_seen: datetime
    last_seen: datetime
    count: int = 0
    samples: list[LogRecord] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)
    outcomes: set[str] = field(default_factory=set)
    on_default_branch: bool = False
    in_deploy: bool = False

    def add(self, record: LogRecord) -> None:
        """Count a line in; lines may come in any order."""
        self.count += 1
        self.level = max(self.level, record.level, key=FAILURE_LEVELS.index)
        self.first_seen = min(self.first_seen, record.ts)
        self.last_seen = max(self.last_seen, record.ts)
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append(record)
        if record.run_id and record.run_id not in self.run_ids and len(self.run_ids) < MAX_RUN_IDS:
            self.run_ids.append(record.run_id)
        meta = record.meta or {}
        if isinstance(outcome := meta.get("outcome"), str):
            self.outcomes.add(outcome)
        self.on_default_branch |= _on_default_branch(meta)
        self.in_deploy |= _in_deploy(meta)


def join_incidents(records: Iterable[LogRecord]) -> list[Incident]:
    """Return the incidents of the failing lines, in the order of their fingerprints."""
    incidents: dict[str, Incident] = {}
    for record in records:
        identity = fingerprint_v1(record.kind, record.place, record.message, record.meta)
        incident = incidents.get(identity)
        if incident is None:
            incident = incidents[identity] = Incident(
                identity,
                record.kind,
                record.place,
                record.level,
                exception_class(record.message, record.meta),
                record.ts,
                record.ts,
            )
        incident.add(record)
    return [incidents[identity] for identity in sorted(incidents)]


def _on_default_branch(meta: dict[str, Any]) -> bool:
    branch = meta.get("branch")
    return meta.get("default_branch") is True or (isinstance(branch, str) and branch in _DEFAULT_BRANCHES)


def _in_deploy(meta: dict[str, Any]) -> bool:
    steps = (meta.get(key) for key in ("step", "job", "workflow"))
    return meta.get("deploy") is True or any(isinstance(step, str) and "deploy" in step.lower() for step in steps)
