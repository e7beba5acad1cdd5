"""The registry of workspaces: which checkouts are known, what they are checked by, and which of them are trusted."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patches import Check
from repo_agent_dagster.contracts.workspaces import RegisteredWorkspace, check_from_json, check_to_json
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import put
from repo_agent_dagster.store.tables import workspaces

_row = workspaces.c


class WorkspaceNameTaken(PermanentFault):
    """Another checkout is registered by that name."""


def register(
    conn: Connection,
    root: Path,
    *,
    now: datetime,
    name: str | None = None,
    check: Check | None = None,
    trusted: bool = False,
) -> RegisteredWorkspace:
    """Register a checkout, or change what is registered of it; the name is its folder's unless one is given.

    Raises:
        WorkspaceNameTaken: another checkout has that name.
    """
    resolved = root.expanduser().resolve()
    known = at_root(conn, resolved)
    wanted = name or (known.name if known is not None else resolved.name) or "root"
    holder = _one(conn, _row.name == wanted)
    if holder is not None and holder.root != resolved:
        raise WorkspaceNameTaken(f"the name {wanted!r} belongs to {holder.root}; choose another one with --name")
    made = RegisteredWorkspace(new_id(), wanted, resolved, check, trusted, now, now)
    put(conn, workspaces, _values(made), key=["root"], stamped=["updated_at"])
    return at_root(conn, resolved) or made


def at_root(conn: Connection, root: Path) -> RegisteredWorkspace | None:
    """Return the workspace with that resolved root, or None."""
    return _one(conn, _row.root == str(root))


def find(conn: Connection, name_or_root: str) -> RegisteredWorkspace | None:
    """Return the workspace of that name, or else at that path, or None."""
    return _one(conn, _row.name == name_or_root) or at_root(conn, Path(name_or_root).expanduser().resolve())


def listing(conn: Connection) -> list[RegisteredWorkspace]:
    """Return all workspaces by name."""
    return [_workspace(row._asdict()) for row in conn.execute(select(workspaces).order_by(_row.name))]


def remove(conn: Connection, workspace_id: str) -> bool:
    """Forget a workspace; what was recorded of its patches stays. Return whether there was one."""
    return conn.execute(delete(workspaces).where(_row.id == workspace_id)).rowcount == 1


def _one(conn: Connection, condition: ColumnElement[bool]) -> RegisteredWorkspace | None:
    found = conn.execute(select(workspaces).where(condition)).one_or_none()
    return None if found is None else _workspace(found._asdict())


def _workspace(row: Mapping[str, Any]) -> RegisteredWorkspace:
    fields = {**row, "root": Path(row["root"]), "check": check_from_json(row["check_spec"])}
    del fields["check_spec"]
    return RegisteredWorkspace(**fields)


def _values(workspace: RegisteredWorkspace) -> dict[str, Any]:
    values = vars(workspace) | {"root": str(workspace.root), "check_spec": check_to_json(workspace.check)}
    del values["check"]
    return values
