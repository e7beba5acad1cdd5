"""What the analysis works on and what it finds: logs of numbered lines, and the failures in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.logs import LogKind, LogLevel

Signal = Literal["new-since-green", "level", "annotation", "block", "stack", "exit", "tail"]
"""Why a line was picked.

It is not in the last passing log; its level; an annotation of the build service (``##[error]``); a failure block;
a stack trace; the line that tells an exit code; the end of the log, where nothing else was found.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a failure is: a worker, or a repository's workflow, job and step (each may be unknown)."""

    kind: LogKind
    name: str
    workflow: str | None = None
    job: str | None = None
    step: str | None = None

    def __str__(self) -> str:
        """``checkout-api``, or ``acme/shop CI/test/Run pytest``."""
        inner = "/".join(part for part in (self.workflow, self.job, self.step) if part)
        return f"{self.name} {inner}" if inner else self.name


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log: its number (from 1), its text without terminal escapes, its level where that is told."""

    number: int
    text: str
    level: LogLevel | None = None
    ts: datetime | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """One log, whole: a job's, or a file's. `place.step` is empty; each line has its own."""

    place: Place
    source: str
    lines: Sequence[Line]
    job: BuildJob | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in source text that a failure names; the line and column count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """``src/a.ts:3:7``."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a stack trace; `is_ours` when it is not in a dependency or the runtime."""

    function: str | None
    anchor: Anchor
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure in a log: the lines that tell of it, joined, and what is read from them.

    `lines` are the picked ones, in order; `before` and `after` stand around them. `headline` is the line that says what
    went wrong, `exception` its class, `frames` the stack with the innermost first. `tool` is whose failure block it is
    (pytest, jest, tsc, …), `test` the id of the failing test, `rule` the tool's code for what is wrong (TS2322,
    ERESOLVE), `command` what was being run, `meta` a stored line's own; `passed_on_retry` tells that a later attempt of
    the same job passed.
    """

    place: Place
    source: str
    level: LogLevel
    headline: str
    lines: tuple[Line, ...]
    before: tuple[Line, ...] = ()
    after: tuple[Line, ...] = ()
    exception: str | None = None
    frames: tuple[Frame, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    tool: str | None = None
    test: str | None = None
    rule: str | None = None
    command: str | None = None
    exit_code: int | None = None
    signals: frozenset[Signal] = frozenset()
    ts: datetime | None = None
    run_id: str | None = None
    job: BuildJob | None = None
    passed_on_retry: bool = False
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def top_frame(self) -> Frame | None:
        """The innermost frame in our own code, or None."""
        return next((frame for frame in self.frames if frame.is_ours), None)

    @property
    def text(self) -> str:
        """The failure's own lines as one text."""
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The identity of a problem: 64 hex digits, and the others by which it may be known already.

    `aliases` are those of the persisted cluster, and of what was joined with it: incidents that share one are one.
    `earlier` are by earlier versions of the rules: an issue may be found by them, but they join nothing, as those
    versions told less apart.
    """

    value: str
    aliases: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRef:
    """A build that an incident was seen in."""

    run_id: str
    attempt: int | None = None
    url: str | None = None
    branch: str | None = None
    sha: str | None = None
    is_default_branch: bool | None = None
    event: str | None = None


@dataclass(slots=True)
class Incident:
    """All failures of one fingerprint in a scan's window. Times are UTC.

    `count` is of occurrences; `failures` holds the first few, `runs` the first few builds (`run_count` counts all).
    `passed_on_retry` is true when a later attempt of every job that it was seen in passed. `commits` is the range it
    came in with: the commit of the last passing build of the job and the first failing one. `job_runs` is how many runs
    the job had in the window at all (0: not known), `place_count` how many workers or repositories had the same.
    """

    fingerprint: Fingerprint
    place: Place
    source: str
    level: LogLevel
    template: str
    count: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    failures: list[Failure] = field(default_factory=list)
    runs: list[RunRef] = field(default_factory=list)
    run_count: int = 0
    workers: set[str] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)
    on_default_branch: bool = False
    in_pull_request: bool = False
    in_deploy: bool = False
    passed_on_retry: bool = False
    commits: tuple[str | None, str | None] | None = None
    job_runs: int = 0
    place_count: int = 1

    @property
    def first(self) -> Failure:
        """The failure that the incident is told by."""
        return self.failures[0]


@dataclass(frozen=True, slots=True)
class History:
    """What is known of an incident from before this scan: counts of each of the trailing days, oldest first.

    `status` is the issue's (None: never seen), `scanned_days` how many of the trailing days were scanned at all.
    """

    daily_counts: tuple[int, ...] = ()
    scanned_days: int = 0
    status: str | None = None
    regressions: int = 0
    flaky_days: int = 0
