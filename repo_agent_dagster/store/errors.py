"""What the database's driver raises, told as faults: where the store is, what is wrong, what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util.exc import CommandError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault


class StoreUnreachableError(TransientFault):
    """The database does not answer, or not in time."""


class StoreUnusableError(PermanentFault):
    """What answers is no store of ours, or one that this version of the code cannot use."""


@contextmanager
def told_as_faults(engine: Engine) -> Iterator[None]:
    """Turn the driver's errors inside the block into one-line faults that name the database, without its password.

    Raises:
        StoreUnreachableError: no connection, a lock that was not released in time, a server that is going down.
        StoreUnusableError: anything else the database refuses, and a revision that this version does not know.
    """
    place = engine.url.render_as_string(hide_password=True)
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StoreUnreachableError(
            f"the store at {place} cannot be reached: {_reason(error)}; check the URL and that the server runs"
        ) from error
    except DBAPIError as error:
        raise StoreUnusableError(
            f"the store at {place} cannot be used: {_reason(error)}; give the URL of a database of repo-agent's own"
        ) from error
    except CommandError as error:
        raise StoreUnusableError(
            f"the store at {place} is at a revision that this version does not know: {error};"
            " install the version of repo-agent-dagster that upgraded it, or a newer one"
        ) from error


def _reason(error: DBAPIError) -> str:
    """Return the first line of what the driver said; the rest is SQL and hints for its own users."""
    lines = str(error.orig).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error.orig).__name__
