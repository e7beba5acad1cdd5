"""Publish what is due, or what is asked for, as the one publisher of the store: its lock ends with its process."""

from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from repo_agent_dagster.reports.publishing.means import Means
from repo_agent_dagster.reports.publishing.outcomes import PublishingResult
from repo_agent_dagster.reports.publishing.round import Round
from repo_agent_dagster.reports.publishing.targets import Target
from repo_agent_dagster.store import report_publications, report_targets
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.publisher_lock import Publisher, PublisherBusy, PublisherLockLost, publisher_lock
from repo_agent_dagster.store.report_publications import Delivery
from repo_agent_dagster.store.report_targets import ALL_DOCUMENTS

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

WAIT_SECONDS = 30.0
BUDGET_SECONDS = 300.0


def is_due(connection: "Connection", means: Means, *, now: datetime) -> bool:
    """Whether `publish_due` would have something to do; costs some milliseconds for thousands of orders."""
    if _missing(connection, means):
        return True
    return bool(report_publications.due(connection, now=now, kinds=means.kinds, limit=1))


def publish_due(
    engine: "Engine",
    means: Means,
    *,
    now: datetime,
    budget_seconds: float = BUDGET_SECONDS,
    wait_seconds: float = WAIT_SECONDS,
    say: Callable[[str], None] = lambda _line: None,
) -> PublishingResult:
    """Publish every document's current version where it is to be and is not yet, for about `budget_seconds` at most.

    The targets of `means` are kept as targets of all documents. What cannot be published now is tried again later, by
    itself; what is refused is told once, and the next version is tried. Neither raises: they are `problems`.
    """
    keep_targets(engine, means, now=now)

    def due(connection: "Connection") -> list[Delivery]:
        return report_publications.due(connection, now=now, kinds=means.kinds)

    done = _publish(engine, means, due, now, budget_seconds, wait_seconds, say)
    with read_transaction(engine) as connection:
        left = [kind for kind in report_targets.TARGET_KINDS if kind not in means.kinds]
        held = report_publications.due_count(connection, now=now, kinds=left) if left else 0
    if held:
        done.waiting += held
        done.tell("nothing can be told on GitHub without a token: set REPO_AGENT_GITHUB_TOKEN; what is due waits")
    return done


def publish_asked(
    engine: "Engine",
    means: Means,
    documents: Sequence[str],
    *,
    target_ids: Sequence[str] | None = None,
    now: datetime,
    wait_seconds: float = WAIT_SECONDS,
    say: Callable[[str], None] = lambda _line: None,
) -> PublishingResult:
    """Publish these documents (by their keys) now, to all their targets or to these, whatever was refused before."""
    if target_ids is None:
        keep_targets(engine, means, now=now)

    def asked(connection: "Connection") -> list[Delivery]:
        return report_publications.asked_for(connection, documents, target_ids=target_ids)

    return _publish(engine, means, asked, now, float("inf"), wait_seconds, say)


def keep_targets(engine: "Engine", means: Means, *, now: datetime) -> None:
    """Make the targets of the settings targets of all documents; one that was ended is told again."""
    with read_transaction(engine) as connection:
        missing = _missing(connection, means)
    if missing:
        with write_transaction(engine) as connection:
            for target in missing:
                secret_env = means.secret_env if target.kind == "webhook" else None
                report_targets.add(
                    connection, ALL_DOCUMENTS, target.kind, target.address, secret_env=secret_env, now=now
                )


def _missing(connection: "Connection", means: Means) -> list[Target]:
    """Return the targets of the settings that are not followed yet, or not signed though there is a secret now."""
    if not means.targets:
        return []
    followed = report_targets.matching(connection, document=ALL_DOCUMENTS)
    unsigned = {one.address for one in followed if one.kind == "webhook" and one.secret_env is None}
    there = {(one.kind, one.address) for one in followed}
    return [
        target
        for target in means.targets
        if (target.kind, target.address) not in there or (means.secret_env and target.address in unsigned)
    ]


def _publish(
    engine: "Engine",
    means: Means,
    choose: "Callable[[Connection], list[Delivery]]",
    now: datetime,
    budget_seconds: float,
    wait_seconds: float,
    say: Callable[[str], None],
) -> PublishingResult:
    done = PublishingResult()
    try:
        with publisher_lock(engine, Publisher.REPORTS, wait_seconds=wait_seconds) as check:
            with read_transaction(engine) as connection:
                deliveries = choose(connection)
            with Round.open(engine, means, now, check, say, done) as round_:
                round_.run(deliveries, monotonic() + budget_seconds)
    except PublisherBusy as busy:
        done.is_busy = True
        done.tell(str(busy))
    except PublisherLockLost as lost:
        done.tell(str(lost))
    return done
