"""Who may be told: a URL is checked here before it becomes a target of the outbox."""

import re
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.store import notifications
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.notifications import NotificationTarget

if TYPE_CHECKING:
    from sqlalchemy import Engine

SECRET_ENV = "REPO_AGENT_NOTIFY_SECRET"  # noqa: S105 - the name of the variable, not a secret
"""The environment variable that holds the secret, unless a target names another one."""

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


class InvalidTarget(PermanentFault):
    """A URL or a variable's name that cannot be a notification target."""


def checked_url(url: str) -> str:
    """Return the URL if messages can be sent to it.

    Raises:
        InvalidTarget: it is neither http nor https, names no host, or carries a password.
    """
    import httpx2

    try:
        parts = urlsplit(url)
        _ = parts.port
        httpx2.URL(url)  # what the sender makes of it
    except (ValueError, httpx2.InvalidURL) as error:
        raise InvalidTarget(f"{_shown(url)} is no URL ({error}); write https://host/path") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f]", url):
        raise InvalidTarget(f"{_shown(url)} cannot be told anything; write http:// or https://, a host and a path")
    if parts.username is not None or parts.password is not None:
        raise InvalidTarget(
            f"{_shown(url)} carries a user name or password, which the database would keep; "
            f"leave it out and let the receiver check the signature ({SECRET_ENV})"
        )
    return url


def checked_variable(name: str) -> str:
    """Return the name of the environment variable with a secret, if it is one.

    Raises:
        InvalidTarget: it is none; perhaps it is the secret, and so it is not shown.
    """
    if not _ENV_NAME.fullmatch(name):
        raise InvalidTarget("what was given is no name of an environment variable; give the name, not the secret")
    return name


def subscribe(
    engine: "Engine", url: str, *, now: datetime, batch_id: str | None = None, secret_env: str | None = None
) -> NotificationTarget:
    """Tell `url` of all patch events from now on, or of one batch's; the same again is the same target.

    Raises:
        InvalidTarget: the URL cannot be told, or `secret_env` is no variable's name.
    """
    if secret_env is not None:
        checked_variable(secret_env)
    checked_url(url)
    with read_transaction(engine) as conn:
        found = notifications.active(conn, url, batch_id)
    if found is not None and found.secret_env == secret_env:
        return found
    with write_transaction(engine) as conn:
        return notifications.subscribe(conn, url, now=now, batch_id=batch_id, secret_env=secret_env)


def _shown(url: str) -> str:
    return repr(re.sub("://[^@/]*@", "://***@", url)[:200])
