"""Look a workspace up in the store at a URL, without SQLAlchemy where that is a SQLite file at this version's schema.

A command that applies one small batch asks this once; see `custody` for why it does not load more.
"""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from repo_agent_dagster.contracts.custody import CustodyUnavailable
from repo_agent_dagster.contracts.workspaces import RegisteredWorkspace, check_from_json
from repo_agent_dagster.store import sqlite
from repo_agent_dagster.store.revision import CURRENT_REVISION, newest_revision, open_upgraded

_AT_ROOT = "SELECT id, name, check_spec, trusted, created_at, updated_at FROM workspaces WHERE root = ?"


def registered_at(url: str, root: Path) -> RegisteredWorkspace | None:
    """Return what the store knows of the checkout with that resolved root; None when it is not registered.

    Raises:
        StoreUrlError: the URL is malformed or names another database.
        CustodyUnavailable: the database does not answer.
        StoreUnreachableError, StoreUnusableError: it cannot be upgraded.
    """
    path = sqlite.file_of(url)
    if path is not None:
        if not path.exists():
            return None  # a store that is yet to be made knows nobody
        known, found = _in_file(url, path, root)
        if known:
            return found
    from repo_agent_dagster.store import workspaces
    from repo_agent_dagster.store.engine import read_transaction
    from repo_agent_dagster.store.patch_events import told_as_custody

    with told_as_custody(url):
        engine = open_upgraded(url)
        try:
            with read_transaction(engine) as conn:
                return workspaces.at_root(conn, root)
        finally:
            engine.dispose()


def _in_file(url: str, path: Path, root: Path) -> tuple[bool, RegisteredWorkspace | None]:
    """Return whether the file could be asked as it is, and what it said."""
    try:
        connection = sqlite.connect(path)
    except sqlite3.OperationalError as error:
        raise CustodyUnavailable(f"the store at {url} cannot be opened: {error}; check the path") from error
    except sqlite3.DatabaseError:
        return False, None  # no database: opening it the long way tells so
    try:
        if connection.execute(CURRENT_REVISION).fetchone() != (newest_revision(),):
            return False, None
        row = connection.execute(_AT_ROOT, (str(root),)).fetchone()
    except sqlite3.DatabaseError:
        return False, None
    finally:
        connection.close()
    if row is None:
        return True, None
    workspace_id, name, check, trusted, *times = row
    created, updated = (datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times)
    spec = check_from_json(None if check is None else json.loads(check))
    return True, RegisteredWorkspace(workspace_id, name, root, spec, bool(trusted), created, updated)
