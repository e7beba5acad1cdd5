"""The registry of workspaces: one row for a checkout, found by its resolved root, also without SQLAlchemy."""

import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.custody import CustodyUnavailable
from repo_agent_dagster.contracts.patches import CommandCheck
from repo_agent_dagster.contracts.workspaces import RegisteredWorkspace
from repo_agent_dagster.store import workspaces
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.errors import StoreUnreachableError, StoreUnusableError
from repo_agent_dagster.store.workspace_lookup import registered_at
from repo_agent_dagster.store.workspaces import WorkspaceNameTaken


def register(store: Engine, root: Path, now: datetime, **fields: object) -> RegisteredWorkspace:
    with write_transaction(store) as conn:
        return workspaces.register(conn, root, now=now, **fields)


def url_of(store: Engine) -> str:
    return store.url.render_as_string(hide_password=False)


def test_a_checkout_is_registered_by_its_resolved_root(store: Engine, tmp_path: Path, now: datetime) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "link").symlink_to("shop")
    made = register(store, tmp_path / "link", now, check="tsc", trusted=True)
    assert (made.name, made.root, made.check, made.trusted) == ("shop", tmp_path / "shop", "tsc", True)
    with read_transaction(store) as conn:
        assert workspaces.at_root(conn, tmp_path / "shop") == made
        assert workspaces.find(conn, "shop") == workspaces.find(conn, str(tmp_path / "link")) == made
        assert workspaces.find(conn, "other") is None


def test_without_more_it_is_neither_checked_nor_trusted(store: Engine, tmp_path: Path, now: datetime) -> None:
    made = register(store, tmp_path, now)
    assert (made.check, made.trusted) == (None, False)


def test_registering_again_changes_it(store: Engine, tmp_path: Path, now: datetime) -> None:
    first = register(store, tmp_path, now, name="shop", check="python", trusted=True)
    later = now + timedelta(hours=1)
    command = CommandCheck(command=["make", "check"])
    changed = register(store, tmp_path, later, check=command)
    assert (changed.id, changed.name, changed.created_at) == (first.id, "shop", now)
    assert (changed.check, changed.trusted, changed.updated_at) == (command, False, later)


def test_a_name_belongs_to_one_checkout(store: Engine, tmp_path: Path, now: datetime) -> None:
    register(store, tmp_path / "a", now, name="shop")
    with pytest.raises(WorkspaceNameTaken, match="belongs to"):
        register(store, tmp_path / "b", now, name="shop")


def test_the_list_is_by_name_and_a_removed_one_is_gone(store: Engine, tmp_path: Path, now: datetime) -> None:
    second, first = register(store, tmp_path / "b", now), register(store, tmp_path / "a", now)
    with write_transaction(store) as conn:
        assert workspaces.listing(conn) == [first, second]
        assert workspaces.remove(conn, first.id)
        assert not workspaces.remove(conn, first.id)
        assert workspaces.listing(conn) == [second]


class TestLookup:
    @pytest.mark.parametrize("check", [None, "tsc", CommandCheck(command=["make", "check"])])
    def test_it_finds_what_was_registered(
        self, store: Engine, tmp_path: Path, now: datetime, check: CommandCheck | str | None
    ) -> None:
        made = register(store, tmp_path, now, check=check, trusted=True)
        assert registered_at(url_of(store), tmp_path) == made
        assert registered_at(url_of(store), tmp_path / "inside") is None

    def test_a_store_that_is_yet_to_be_made_knows_nobody_and_is_not_made(self, tmp_path: Path) -> None:
        assert registered_at(f"sqlite:///{tmp_path / 'none.db'}", tmp_path) is None
        assert not (tmp_path / "none.db").exists()

    def test_a_store_of_an_older_version_is_upgraded(self, tmp_path: Path) -> None:
        sqlite3.connect(tmp_path / "old.db").close()
        (tmp_path / "old.db").touch()
        assert registered_at(f"sqlite:///{tmp_path / 'old.db'}", tmp_path) is None

    def test_a_store_that_does_not_answer_is_told(self, tmp_path: Path) -> None:
        for url in ("postgresql://nobody@127.0.0.1:1/none", f"sqlite:///{tmp_path}"):
            with pytest.raises((CustodyUnavailable, StoreUnreachableError), match="cannot be"):
                registered_at(url, tmp_path)

    def test_what_is_no_store_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "text.db").write_text("no database at all, but long enough to have a header of its own\n" * 20)
        with pytest.raises(StoreUnusableError, match="not a database"):
            registered_at(f"sqlite:///{tmp_path / 'text.db'}", tmp_path)

    def test_it_loads_no_sqlalchemy_for_a_sqlite_file(self, sqlite_store: Engine, tmp_path: Path) -> None:
        script = (
            "import sys\nfrom pathlib import Path\n"
            "from repo_agent_dagster.store.workspace_lookup import registered_at\n"
            f"assert registered_at({url_of(sqlite_store)!r}, Path('/none')) is None\n"
            "print('sqlalchemy' in sys.modules)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n"
