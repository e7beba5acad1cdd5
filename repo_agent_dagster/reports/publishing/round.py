"""One publisher's turn: bring each document to its target, and record it once it is there.

Who is killed in between leaves something that the next one finds there, or writes once more the same.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from random import SystemRandom
from time import monotonic
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import RepoAgentError
from repo_agent_dagster.contracts.report_notices import ReportPlace
from repo_agent_dagster.reports.publishing import folders, webhooks
from repo_agent_dagster.reports.publishing.documents import Outgoing, files_of, load_now
from repo_agent_dagster.reports.publishing.means import Means
from repo_agent_dagster.reports.publishing.on_github import SETTLING_TIME, OnGitHub
from repo_agent_dagster.reports.publishing.outcomes import (
    ChannelClosed,
    NotNow,
    Placed,
    Published,
    PublishingResult,
    Refused,
    Unsettled,
)
from repo_agent_dagster.reports.publishing.targets import Target
from repo_agent_dagster.store import report_publications
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.publisher_lock import PublisherLockLost
from repo_agent_dagster.store.report_publications import Delivery
from repo_agent_dagster.store.report_targets import Document, TargetKind

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.notify.posting import Poster

_FIRST_DELAY, _LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=6)
_FAILURES_IN_A_ROW = 3
_CHANCE = SystemRandom()


class Round:
    """One publisher's turn."""

    def __init__(
        self,
        engine: "Engine",
        means: Means,
        now: datetime,
        check: Callable[[], None],
        say: Callable[[str], None],
        done: PublishingResult,
        stack: ExitStack,
    ) -> None:
        self._engine = engine
        self._means = means
        self._began, self._began_at = now, monotonic()
        self._check = check
        self._say = say
        self._done = done
        self._stack = stack
        self._closed: dict[TargetKind, ChannelClosed] = {}
        self._on_github: OnGitHub | None = None
        self._poster: Poster | None = None
        self._outgoing: Outgoing | None = None
        self._files: tuple[tuple[str, str], ...] = ()
        self._failures = 0

    @classmethod
    @contextmanager
    def open(
        cls,
        engine: "Engine",
        means: Means,
        now: datetime,
        check: Callable[[], None],
        say: Callable[[str], None],
        done: PublishingResult,
    ) -> "Iterator[Round]":
        """Take a turn; connections that it opens are closed at its end."""
        with ExitStack() as stack:
            yield cls(engine, means, now, check, say, done, stack)

    @property
    def _time(self) -> datetime:
        # A turn may take minutes, and what is recorded of an attempt counts from when it was made.
        return self._began + timedelta(seconds=monotonic() - self._began_at)

    def run(self, deliveries: Sequence[Delivery], deadline: float) -> None:
        """Bring each to its target, until all are tried or time is up."""
        for number, delivery in enumerate(deliveries):
            if monotonic() >= deadline:
                self._done.waiting += len(deliveries) - number
                self._done.tell("time is up; the rest is published by the next call")
                return
            self._deliver(delivery)

    def _deliver(self, delivery: Delivery) -> None:
        outgoing = self._loaded(delivery.document)
        if outgoing is None:
            return
        target = Target(delivery.target.kind, delivery.target.address)
        what = f"{delivery.document.key} to {target.text}"
        try:
            if (closed := self._closed.get(target.kind)) is not None:
                raise closed
            self._check()
            placed = self._placed(delivery, outgoing)
        except Refused as fault:
            self._refuse(delivery, outgoing.version, f"{what}: {fault}")
        except Unsettled as fault:
            self._done.waiting += 1
            self._done.tell(f"{what}: {fault}")
        except NotNow as fault:
            self._close_if_hopeless(target.kind, fault)
            self._postpone(delivery, what, fault)
        except PublisherLockLost:
            raise
        except (RepoAgentError, OSError, ValueError, LookupError, TypeError) as fault:
            # What is wrong with one document must not keep the others.
            self._postpone(delivery, what, NotNow(str(fault)))
        else:
            self._record(delivery, outgoing, target, placed)
            self._say(f"{what}: version {outgoing.version}")

    def _placed(self, delivery: Delivery, outgoing: Outgoing) -> Placed:
        target, known = delivery.target, delivery.publication
        if target.kind == "github":
            return self._github().publish(target.address, outgoing, known, begin=lambda: self._begin(delivery))
        if target.kind == "webhook":
            return webhooks.post(
                self._posts(),
                target,
                outgoing,
                self._places(outgoing),
                secrets=self._means.secrets,
                failed_before=known.attempts if known is not None else 0,
                now=self._time,
            )
        # Drawn once for all the folders that it goes to.
        files = self._files = self._files or tuple(
            files_of(self._engine, outgoing, reports_dir=self._means.reports_dir)
        )
        if target.kind == "file":
            return folders.into_folder(target.address, outgoing.folder, files)
        return folders.into_artifacts(
            self._means.artifacts(), target.address, outgoing.folder, files, check=self._check
        )

    def _loaded(self, document: Document) -> Outgoing | None:
        if self._outgoing is None or self._outgoing.document != document:
            self._outgoing, self._files = load_now(self._engine, document), ()
        return self._outgoing

    def _close_if_hopeless(self, kind: TargetKind, fault: NotNow) -> None:
        """Leave GitHub alone after some failures in a row: each would cost as long as the ones before."""
        self._failures = self._failures + 1 if fault.may_be_done else 0
        if isinstance(fault, ChannelClosed):
            self._closed[kind] = fault
        elif self._failures >= _FAILURES_IN_A_ROW:
            self._closed[kind] = ChannelClosed(str(fault))

    def _github(self) -> OnGitHub:
        if self._on_github is None:
            if self._means.github is None:
                raise ChannelClosed("there is no token for GitHub: set REPO_AGENT_GITHUB_TOKEN")
            client = self._means.github()
            self._stack.callback(client.close)
            self._on_github = OnGitHub(client, self._means.mark_key())
        return self._on_github

    def _posts(self) -> "Poster":
        if self._poster is None:
            from repo_agent_dagster.notify.posting import Poster

            self._poster = self._stack.enter_context(Poster())
        return self._poster

    def _places(self, outgoing: Outgoing) -> list[ReportPlace]:
        with read_transaction(self._engine) as connection:
            found = report_publications.places(connection, outgoing.document.key)
        page = outgoing.stored.html_path
        places = [ReportPlace(kind="page", place=page)] if page else []
        return places + [ReportPlace(kind=kind, place=place) for kind, place in found if kind != "webhook"]

    def _begin(self, delivery: Delivery) -> None:
        """Hold the next attempt back until what GitHub lists must show what this one creates."""
        waits_until = delivery.publication.next_attempt_at if delivery.publication is not None else None
        # Clocks of two machines differ; what waits for longer than this waits for another reason.
        if waits_until is not None and self._time < waits_until <= self._time + 2 * SETTLING_TIME:
            raise Unsettled(
                f"an earlier attempt may have created it without our knowing; ask again at {waits_until:%H:%M:%S} UTC"
            )
        self._check()
        with write_transaction(self._engine) as connection:
            report_publications.begin(
                connection, delivery.target.id, delivery.document.key, next_attempt_at=self._time + SETTLING_TIME
            )

    def _record(self, delivery: Delivery, outgoing: Outgoing, target: Target, placed: Placed) -> None:
        with write_transaction(self._engine) as connection:
            report_publications.succeed(
                connection,
                delivery.target.id,
                delivery.document.key,
                version=outgoing.version,
                place=placed.place,
                remote_id=placed.remote_id,
                now=self._time,
            )
        self._done.done.append(Published(delivery.document, outgoing.version, target, placed.place))
        if placed.note:
            self._done.tell(placed.note)

    def _refuse(self, delivery: Delivery, version: int, problem: str) -> None:
        with write_transaction(self._engine) as connection:
            report_publications.refuse(
                connection, delivery.target.id, delivery.document.key, version=version, problem=problem
            )
        self._done.refused += 1
        self._done.tell(problem)

    def _postpone(self, delivery: Delivery, what: str, fault: NotNow) -> None:
        failed_before = delivery.publication.attempts if delivery.publication is not None else 0
        until = self._time + (SETTLING_TIME if fault.may_be_done else _delay(failed_before))
        until = max(until, fault.retry_at or until)
        with write_transaction(self._engine) as connection:
            report_publications.postpone(
                connection, delivery.target.id, delivery.document.key, problem=str(fault), next_attempt_at=until
            )
        self._done.waiting += 1
        self._done.tell(str(fault) if isinstance(fault, ChannelClosed) else f"{what}: {fault}")


def _delay(failed_before: int) -> timedelta:
    """Return how long to wait after a failure: doubling, half of it by chance, at most six hours."""
    doubled = min(_FIRST_DELAY * (1 << min(failed_before, 20)), _LONGEST_DELAY)
    return doubled / 2 + doubled / 2 * _CHANCE.random()
