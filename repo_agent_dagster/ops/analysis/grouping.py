"""Join a scan's failures into incidents: one for each problem, however often and wherever in its place it occurred."""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from repo_agent_dagster.contracts.logs import LogLevel
from repo_agent_dagster.ops.analysis.fingerprint import Identity, earlier, identity_of, scope_of
from repo_agent_dagster.ops.analysis.masking import pattern
from repo_agent_dagster.ops.analysis.model import Failure, Fingerprint, Incident, RunRef
from repo_agent_dagster.ops.analysis.templates import Template, TemplateMiner

MAX_SAMPLES = 5
MAX_RUNS = 20
MAX_ALIASES = 50
"""So many failures, builds and other fingerprints of an incident are kept; all are counted."""

_DEFAULT_BRANCHES = frozenset({"main", "master", "trunk"})
_LEVELS = tuple(LogLevel)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Tally:
    """All failures of one fingerprint value, in memory that does not grow with their number."""

    identity: Identity
    source: str
    masked: str
    count: int = 0
    level: LogLevel = LogLevel.DEBUG
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    samples: list["_Sample"] = field(default_factory=list)
    runs: dict[tuple[str, int | None], RunRef] = field(default_factory=dict)
    workers: set[str] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)
    on_default_branch: bool = False
    in_pull_request: bool = False
    in_deploy: bool = False
    passed_on_retry: bool = True

    def add(self, failure: Failure, masked: str) -> None:
        self.count += 1
        self.masked = min(self.masked, masked)
        self.level = max(self.level, failure.level, key=_LEVELS.index)
        if failure.ts is not None:
            self.first_seen = min(self.first_seen or failure.ts, failure.ts)
            self.last_seen = max(self.last_seen or failure.ts, failure.ts)
        _keep_first(self.samples, _Sample(failure))
        if failure.run_id:
            run = _run(failure)
            self.runs.setdefault((run.run_id, run.attempt), run)
        if failure.place.kind == "worker":
            self.workers.add(failure.place.name)
        if isinstance(outcome := failure.meta.get("outcome"), str):
            self.outcomes.add(outcome)
        self.on_default_branch |= _on_default_branch(failure)
        self.in_pull_request |= _in_pull_request(failure)
        self.in_deploy |= _in_deploy(failure)
        self.passed_on_retry &= failure.passed_on_retry

    def absorb(self, other: "_Tally") -> None:
        self.count += other.count
        self.level = max(self.level, other.level, key=_LEVELS.index)
        self.first_seen = min((one for one in (self.first_seen, other.first_seen) if one), default=None)
        self.last_seen = max((one for one in (self.last_seen, other.last_seen) if one), default=None)
        for sample in other.samples:
            _keep_first(self.samples, sample)
        self.runs = other.runs | self.runs
        self.workers |= other.workers
        self.outcomes |= other.outcomes
        self.on_default_branch |= other.on_default_branch
        self.in_pull_request |= other.in_pull_request
        self.in_deploy |= other.in_deploy
        self.passed_on_retry &= other.passed_on_retry


class _Sample:
    """A failure in a heap whose root is the latest: the order is of time, and of what tells failures apart."""

    __slots__ = ("failure", "key")

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        number = failure.lines[0].number if failure.lines else 0
        self.key = (failure.ts or _NEVER, str(failure.place), failure.run_id or "", number, failure.headline)

    def __lt__(self, other: "_Sample") -> bool:
        return self.key > other.key


def group(failures: Iterable[Failure], miner_of: Callable[[str], TemplateMiner]) -> list[Incident]:
    """Return the incidents of the failures, in the order of their fingerprints, whatever order the failures come in.

    Failures whose fingerprint or alias is the same are one incident. `miner_of` gives the miner of a source, as the
    last scan left it; it learns the failures' headlines, so keep its state with what is made of the incidents.
    Memory grows with the number of incidents and builds, not with that of failures.
    """
    tallies: dict[str, _Tally] = {}
    for failure in failures:
        identity, masked = identity_of(failure), pattern(failure.headline)
        value = identity.value
        tally = tallies.get(value)
        if tally is None:
            tally = tallies[value] = _Tally(identity, failure.source, masked)
        tally.source = min(tally.source, failure.source)
        tally.add(failure, masked)
    templates = _learn(tallies, miner_of)
    joined: dict[str, list[str]] = {}  # by alias, or by value where there is none
    aliases: dict[str, str | None] = {}
    for value in sorted(tallies):
        tally, template = tallies[value], templates[value]
        aliases[value] = alias = None if template is None else tally.identity.alias(tally.source, template)
        joined.setdefault(alias or value, []).append(value)
    incidents = [_incident(values, tallies, aliases[values[0]], templates[values[0]]) for values in joined.values()]
    return sorted(incidents, key=lambda incident: incident.fingerprint.value)


def _learn(tallies: dict[str, _Tally], miner_of: Callable[[str], TemplateMiner]) -> dict[str, Template | None]:
    """Teach the miners all headlines before asking for any: what a gap is shows when all have been seen."""
    order = sorted(tallies, key=lambda value: (tallies[value].source, tallies[value].masked, value))
    scopes = {value: scope_of(tallies[value].identity) for value in order}
    for value in order:
        miner_of(tallies[value].source).learn(tallies[value].masked, scope=scopes[value])
    return {value: miner_of(tallies[value].source).find(tallies[value].masked, scope=scopes[value]) for value in order}


def _incident(
    values: Sequence[str], tallies: dict[str, _Tally], alias: str | None, template: Template | None
) -> Incident:
    """Return the incident of all values that share an alias; the most frequent of them is its fingerprint."""
    ranked = sorted(values, key=lambda value: (-tallies[value].count, value))
    whole = tallies[ranked[0]]
    for value in ranked[1:]:
        whole.absorb(tallies[value])
    samples = [sample.failure for sample in sorted(whole.samples, reverse=True)]
    runs = sorted(whole.runs.values(), key=lambda run: (run.run_id, run.attempt or 0))
    names = [] if alias is None else [alias]
    return Incident(
        fingerprint=Fingerprint(ranked[0], (*names, *ranked[1 : MAX_ALIASES + 1]), earlier(samples[0])),
        place=samples[0].place,
        source=whole.source,
        level=whole.level,
        template=whole.masked if template is None else template.text,
        count=whole.count,
        first_seen=whole.first_seen,
        last_seen=whole.last_seen,
        failures=samples,
        runs=runs[:MAX_RUNS],
        run_count=len(runs),
        workers=whole.workers,
        outcomes=whole.outcomes,
        on_default_branch=whole.on_default_branch,
        in_pull_request=whole.in_pull_request,
        in_deploy=whole.in_deploy,
        passed_on_retry=whole.passed_on_retry,
    )


def _keep_first(samples: list[_Sample], sample: _Sample) -> None:
    if len(samples) < MAX_SAMPLES:
        heapq.heappush(samples, sample)
    else:
        heapq.heappushpop(samples, sample)


def _run(failure: Failure) -> RunRef:
    job = failure.job
    if job is None:
        return RunRef(failure.run_id or "", url=_text(failure.meta, "url"), branch=_text(failure.meta, "branch"))
    return RunRef(job.run_id, job.attempt, job.url, job.branch, job.sha, job.is_default_branch, job.event)


def _text(meta: dict[str, Any], name: str) -> str | None:
    value = meta.get(name)
    return value if isinstance(value, str) else None


def _on_default_branch(failure: Failure) -> bool:
    job, meta = failure.job, failure.meta
    if job is not None and job.is_default_branch is not None:
        return job.is_default_branch
    branch = job.branch if job is not None else meta.get("branch")
    return meta.get("default_branch") is True or (isinstance(branch, str) and branch in _DEFAULT_BRANCHES)


def _in_pull_request(failure: Failure) -> bool:
    event = failure.job.event if failure.job is not None else failure.meta.get("event")
    return isinstance(event, str) and event.startswith("pull_request")


def _in_deploy(failure: Failure) -> bool:
    place, meta = failure.place, failure.meta
    if meta.get("deploy") is True:
        return True
    if place.kind == "worker":
        return False
    names = (place.step, place.job, place.workflow, *(meta.get(name) for name in ("step", "job", "workflow")))
    return any(isinstance(name, str) and "deploy" in name.lower() for name in names)
