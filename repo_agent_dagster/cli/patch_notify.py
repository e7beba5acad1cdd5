"""What `patchctl` does about notifications: subscribe before a batch begins, and try once to deliver when it is done.

Delivering is best effort here, for two seconds at most: what is on record is delivered by whoever comes next.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from repo_agent_dagster.contracts.faults import RepoAgentError
from repo_agent_dagster.patching import InvalidPatch, SpoolCustody

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.contracts.custody import Custody

DELIVER_SECONDS = 2.0
_URL_ENV = "REPO_AGENT_NOTIFY_URL"
_GOES_ON = "`repo-agent up`, or `repo-agent notifications deliver`, goes on with it"


@contextmanager
def notifying(url: str | None, custody: "Custody", database_url: str, *, batch_id: str | None = None) -> Iterator[None]:
    """Have a URL told of the batch that is applied inside the block, and the one of the settings of all events.

    Raises:
        InvalidPatch: a URL cannot be told; nothing was begun.
        CustodyUnavailable: the store cannot be reached; nothing was begun.
    """
    if url is None and not os.environ.get(_URL_ENV):
        yield  # loading what is needed for it costs more than a small batch
        return
    if isinstance(custody, SpoolCustody):
        _subscribe_offline(url, batch_id, custody)
        yield
        return
    from repo_agent_dagster.cli.patch_input import open_engine

    engine = open_engine(database_url)
    try:
        targets = _subscribe(url, batch_id, engine)
        try:
            yield
        except RepoAgentError:
            _deliver(engine, targets)  # that a batch failed is told, too
            raise
        _deliver(engine, targets)
    finally:
        engine.dispose()


def _subscribe(url: str | None, batch_id: str | None, engine: "Engine") -> list[str]:
    from repo_agent_dagster.notify import subscribe
    from repo_agent_dagster.settings import Settings
    from repo_agent_dagster.store.patch_events import told_as_custody

    settings = Settings()
    secret_env = _secret_env()
    found = []
    with _told_as_invalid(), told_as_custody(engine.url):
        if url is not None:
            found.append(subscribe(engine, url, now=_now(), batch_id=batch_id, secret_env=secret_env).id)
        if settings.notify_url:
            found.append(subscribe(engine, settings.notify_url, now=_now(), secret_env=secret_env).id)
    return found


def _subscribe_offline(url: str | None, batch_id: str | None, custody: SpoolCustody) -> None:
    """Keep the wish with the events; the target of the settings is told of all that is shipped anyway."""
    from repo_agent_dagster.notify import checked_url

    if url is not None and batch_id is not None:
        with _told_as_invalid():
            checked_url(url)
        custody.subscribe(url, batch_id=batch_id, secret_env=_secret_env())


def _secret_env() -> str | None:
    from repo_agent_dagster.notify import SECRET_ENV

    return SECRET_ENV if os.environ.get(SECRET_ENV) else None


def _deliver(engine: "Engine", targets: list[str]) -> None:
    from random import SystemRandom

    from repo_agent_dagster.notify import deliver
    from repo_agent_dagster.store import notifications
    from repo_agent_dagster.store.engine import read_transaction, write_transaction
    from repo_agent_dagster.store.errors import told_as_faults

    try:
        with told_as_faults(engine):
            with write_transaction(engine) as conn:
                for target in targets:
                    notifications.end_unused(conn, target, now=_now())
            done = deliver(
                engine,
                clock=_now,
                secrets=os.environ,
                chance=SystemRandom(),
                only=targets,
                budget_seconds=DELIVER_SECONDS,
                post_seconds=DELIVER_SECONDS,
            )
            with read_transaction(engine) as conn:
                left = notifications.due(conn, now=_now(), only=targets)
    except RepoAgentError as fault:
        _say(f"{fault}; {_GOES_ON}")
        return
    for problem in done.problems:
        _say(f"{problem}; {_GOES_ON}")
    if left and not done.problems:
        _say(f"not all events are delivered yet; {_GOES_ON}")


def _say(what: str) -> None:
    typer.echo(f"notification: {what}", err=True)


@contextmanager
def _told_as_invalid() -> Iterator[None]:
    from repo_agent_dagster.notify import InvalidTarget

    try:
        yield
    except InvalidTarget as error:
        raise InvalidPatch(str(error)) from error


def _now() -> datetime:
    return datetime.now(UTC)
