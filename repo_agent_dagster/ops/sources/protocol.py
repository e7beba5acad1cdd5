"""The protocol that every log source follows.

A source yields *objects*: units of lines that are replaced whole, and whose name stays from one ingestion to the next
(a file, a job's log, a proxy's day). That makes ingestion exactly-once whatever the source is: a line is (source,
object, line number), the ledger knows each object's digest or version, and the lines of a changed object are replaced
in one transaction.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol, runtime_checkable

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.contracts.logs import LogKind


class SourceRefused(PermanentFault):
    """The source will not answer until somebody changes something: a wrong token, no permission, no such place."""


class SourceUnavailable(TransientFault):
    """The source does not answer now, after all retries; what it gave before is good, the rest is missing."""


class SourceIncomplete(SourceUnavailable):
    """The source answers, but some of what was asked for it cannot tell: it has forgotten it, or may not show it."""


class DamagedLogObject(PermanentFault):
    """An object's bytes end before the object does, or cannot be unpacked; what came before is good."""


class LogExpired(PermanentFault):
    """The provider no longer has the object's lines (404 or 410); asking again is of no use."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which lines are asked for: start ≤ event time < end, UTC.

    `lateness` is for how long after its event a line may reach the source, and for how long before `start` a build may
    have begun whose lines are in the window.
    """

    start: datetime
    end: datetime
    lateness: timedelta = timedelta(hours=24)

    @classmethod
    def of_day(cls, day: date, *, lateness: timedelta = timedelta(hours=24)) -> "Window":
        """Return the window of a UTC day."""
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return cls(start, start + timedelta(days=1), lateness)


class LogObject(Protocol):
    """One unit of lines within a source; its name is its identity from one ingestion to the next."""

    @property
    def name(self) -> str:
        """The object's name within its source."""
        ...

    @property
    def version(self) -> str | None:
        """The provider's own word for the object's state, e.g. an ETag; the ledger's version is not read again.

        None: the digest of its bytes decides.
        """
        ...

    @property
    def job(self) -> BuildJob | None:
        """The build's job whose log this is, where the source knows it."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Yield the object's bytes, JSON lines of a known shape (`ingestion.line_shapes`), in pieces of bounded size.

        Raises:
            DamagedLogObject: the rest cannot be read, now or later; the pieces so far are good.
            LogExpired: the provider no longer has it.
            SourceUnavailable, OSError: it cannot be read now.
        """
        ...


@runtime_checkable
class RedactedLogObject(Protocol):
    """A log object whose source took secrets out before it kept the lines."""

    @property
    def redacted(self) -> int:
        """How many secrets were taken out of what `chunks` yielded."""
        ...


class LogSource(Protocol):
    """A named place that holds objects of log lines of one kind."""

    @property
    def name(self) -> str:
        """The source's name; rows are owned by (source, object), so renaming a source makes it another one."""
        ...

    @property
    def kind(self) -> LogKind:
        """Which table the lines go to."""
        ...

    def fetch(self, window: Window) -> Iterable[LogObject]:
        """Yield every object that may hold lines of the window; one that holds none costs time only.

        Raises:
            SourceRefused: it will not answer until somebody changes something.
            SourceUnavailable: it stopped answering; the objects yielded so far are good, and the window is incomplete.
        """
        ...
