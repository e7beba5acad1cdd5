"""A database is brought to this version's schema by whoever comes first, once."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from threading import Barrier

import pytest
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.tasks import OpsScanPayload, Pathway
from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.store import container_logs, patch_events, task_requests
from repo_agent_dagster.store.container_logs import ContainerLogLines
from repo_agent_dagster.store.engine import StoreUrlError, open_store, read_transaction, write_transaction
from repo_agent_dagster.store.errors import StoreUnreachableError, StoreUnusableError, told_as_faults
from repo_agent_dagster.store.migrate import alembic_config, current_revision, head_revision, upgrade
from repo_agent_dagster.store.patch_events import ChainVerdict
from repo_agent_dagster.store.task_requests import TaskRequest


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'store.db'}"
    else:
        yield request.getfixturevalue("postgres").create_database()


_UPGRADE_WHEN_TOLD = """
import sys
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import current_revision, upgrade
print("ready", flush=True)
sys.stdin.readline()
engine = open_store(sys.argv[1])
upgrade(engine)
print(current_revision(engine))
"""


def test_processes_that_start_together_upgrade_one_fresh_database(empty_url: str) -> None:
    argv = [sys.executable, "-c", _UPGRADE_WHEN_TOLD, empty_url]
    starters = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for starter in starters:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"

    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    ended = [starter.communicate(timeout=60) for starter in starters]

    assert [(output.strip(), errors) for output, errors in ended] == [(head_revision(), "")] * 4


def test_threads_may_upgrade_one_fresh_database_together(empty_url: str) -> None:
    gate = Barrier(4)

    def _upgrade(_: int) -> str | None:
        engine = open_store(empty_url)
        gate.wait(timeout=30)
        upgrade(engine)
        revision = current_revision(engine)
        engine.dispose()
        return revision

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(_upgrade, range(4))) == {head_revision()}


_REBUILDING_REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{head}"


def upgrade() -> None:
    with op.batch_alter_table("task_requests", recreate="auto") as table:
        table.alter_column("error", existing_type=sa.Text(), new_column_name="fault")
        table.alter_column("initial_prompt", existing_type=sa.Text(), nullable=True)
    {more}
"""


def _config_with(engine: Engine, folder: Path, more: str) -> Config:
    """Return a configuration whose revisions are ours and one more, which rebuilds a table that others refer to."""
    migrations = Path(shutil.copytree(packaged_path("sql", "migrations"), folder / "migrations"))
    (migrations / "versions" / "9000_rebuild.py").write_text(
        _REBUILDING_REVISION.format(head=head_revision(), more=more)
    )
    config = alembic_config(engine)
    config.set_main_option("script_location", str(migrations))
    return config


def _log_count(engine: Engine) -> int:
    with read_transaction(engine) as conn:
        return int(conn.execute(text("SELECT count(*) FROM container_operation_logs")).scalar_one())


def test_a_revision_that_rebuilds_a_table_keeps_the_rows_that_refer_to_it(
    store: Engine, task: TaskRequest, now: datetime, tmp_path: Path
) -> None:
    with write_transaction(store) as conn:
        container_logs.append(conn, [ContainerLogLines(task.id, now, "c", 0, "stdin", ["ls"])])

    command.upgrade(_config_with(store, tmp_path, "pass"), "head")

    assert current_revision(store) == "9000"
    assert _log_count(store) == 1
    with write_transaction(store) as conn:  # and references are enforced again
        conn.execute(text("DELETE FROM task_requests"))
    assert _log_count(store) == 0


def test_a_revision_that_breaks_a_reference_on_sqlite_is_undone(
    sqlite_store: Engine, now: datetime, tmp_path: Path
) -> None:
    with write_transaction(sqlite_store) as conn:
        task = task_requests.submit(conn, Pathway.OPS_SCAN, OpsScanPayload(day=date(2026, 3, 3)), now=now)
        container_logs.append(conn, [ContainerLogLines(task.id, now, "c", 0, "stdin", ["ls"])])

    with pytest.raises(CommandError, match="leaves rows that refer to nothing"):
        command.upgrade(_config_with(sqlite_store, tmp_path, 'op.execute("DELETE FROM task_requests")'), "head")

    assert current_revision(sqlite_store) == head_revision()
    assert _log_count(sqlite_store) == 1


def test_a_database_of_a_newer_version_is_refused_with_advice(empty_url: str) -> None:
    engine = open_store(empty_url)
    upgrade(engine)
    with write_transaction(engine) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnusableError, match="a revision that this version does not know"), told_as_faults(engine):
        upgrade(engine)
    engine.dispose()


def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    engine = open_store("postgresql://me:secret@127.0.0.1:1/x")
    with (
        pytest.raises(StoreUnreachableError, match=r"me:\*\*\*@127.0.0.1:1/x cannot be reached") as caught,
        told_as_faults(engine),
    ):
        upgrade(engine)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "'nonsense' is malformed"),
        ("", "'' is malformed"),
        ("postgresql://me:secret@h:port/x", r"'postgresql://\*\*\*@h:port/x' is malformed"),
        ("mysql://me:secret@h/x", r"'mysql://me:\*\*\*@h/x' names mysql; sqlite and postgresql are supported"),
        ("sqlite:////dev/null/x/store.db", "folder /dev/null/x cannot be made: Not a directory"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_its_reason(url: str, message: str) -> None:
    with pytest.raises(StoreUrlError, match=message) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def _event(number: int, name: PatchEventName, now: datetime) -> EventRow:
    return EventRow(
        patch_id=f"patch-{number}",
        batch_id="batch",
        requester="factory",
        workspace="w",
        file_path="ä.py",
        op="append",
        event=name,
        created_at=now,
        ts_check_ok=name is PatchEventName.PATCH_VALIDATED or None,
        meta={"a": [1, None]},
    )


@pytest.fixture
def first_release(empty_url: str, now: datetime) -> Iterator[Engine]:
    """A store at revision 0001 that holds patches and what they hang on."""
    engine = open_store(empty_url)
    upgrade(engine, "0001")
    with write_transaction(engine) as conn:
        patch_events.record(
            conn,
            [_event(number, name, now) for number in (1, 2) for name in list(PatchEventName)[:5]],
        )
        task = task_requests.submit(conn, Pathway.OPS_SCAN, OpsScanPayload(day=date(2026, 3, 3)), now=now)
        container_logs.append(conn, [ContainerLogLines(task.id, now, "c", 0, "stdin", ["ls"])])
    yield engine
    engine.dispose()


def test_a_store_of_the_first_release_keeps_its_rows_and_its_chain(first_release: Engine, now: datetime) -> None:
    with read_transaction(first_release) as conn:
        before = patch_events.listing(conn)

    upgrade(first_release)

    with read_transaction(first_release) as conn:
        assert patch_events.listing(conn) == before
        assert patch_events.verify_chain(conn, "w") == ChainVerdict(ok=True, checked=10)
        assert [patch.exported_at for patch in patch_events.activity(conn)] == [None, None]
    assert _log_count(first_release) == 1


def test_an_upgraded_store_takes_exported_patches_and_goes_on_with_its_chain(
    first_release: Engine, now: datetime
) -> None:
    upgrade(first_release)

    with write_transaction(first_release) as conn:
        patch_events.record(conn, [_event(1, PatchEventName.PATCH_EXPORTED, now)])

    with read_transaction(first_release) as conn:
        assert patch_events.newest_id(conn) == 11
        assert patch_events.verify_chain(conn, "w") == ChainVerdict(ok=True, checked=11)
        (patch,) = patch_events.activity(conn, patch_id="patch-1")
    assert (patch.exported_at, patch.last_event) == (now, "patch_exported")
    with pytest.raises(IntegrityError), write_transaction(first_release) as conn:  # and still no other name
        conn.execute(text("UPDATE patch_events SET event = 'patch_sold'"))


def test_the_second_revision_can_be_taken_back_and_applied_again(first_release: Engine) -> None:
    upgrade(first_release)
    command.downgrade(alembic_config(first_release), "0001")
    with pytest.raises(IntegrityError), write_transaction(first_release) as conn:
        conn.execute(text("UPDATE patch_events SET event = 'patch_exported'"))
    upgrade(first_release)
    with read_transaction(first_release) as conn:
        assert patch_events.verify_chain(conn, "w") == ChainVerdict(ok=True, checked=10)
