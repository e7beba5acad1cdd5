"""Custody opened without SQLAlchemy keeps the very record that the store's own connections keep."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, make_url, select

from repo_agent_dagster.contracts.custody import Custody, CustodyRefused, CustodyUnavailable, EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.store import patch_events, sqlite
from repo_agent_dagster.store.custody import SqliteCustody, open_custody
from repo_agent_dagster.store.custody_link import message_of
from repo_agent_dagster.store.custody_record import TEXT_LIMITS
from repo_agent_dagster.store.engine import open_store, read_transaction, write_transaction
from repo_agent_dagster.store.patch_events import StoreCustody
from repo_agent_dagster.store.sqlite import StoreUrlError
from repo_agent_dagster.store.tables import patch_custody
from repo_agent_dagster.store.tables import patch_events as events_table

NOW = datetime(2026, 3, 4, 9, 30, 0, 123456, tzinfo=UTC)


def event(number: int, name: str, **more: Any) -> EventRow:
    values = {
        "patch_id": f"patch-{number}",
        "batch_id": "batch",
        "requester": "factory",
        "workspace": "/srv/work",
        "file_path": f"src/f{number}.py",
        "op": "replace-block",
        "event": PatchEventName(name),
        "created_at": NOW,
    }
    return EventRow(**values | more)


RECORDED_BY_0_1 = [
    event(
        1,
        "patch_requested",
        task_id="task-1",
        order_id="42",
        phase="PHASE_GENERATED",
        meta={"reason": 'a "quoted"\treason', "branch": "", "step": 1},
    ),
    event(
        2,
        "patch_requested",
        file_path="src/grün/naïve \\ file.py",
        meta={"z": [1.5, None, {"ä": True}], "a": 1e20},
    ),
    event(
        1,
        "patch_applied",
        task_id="task-1",
        order_id="42",
        diff_path=".mission_control/patches/patch-1.diff",
        created_at=datetime(2026, 3, 4, 11, 30, 5, tzinfo=timezone(timedelta(hours=2))),
        meta={"file_before_sha256": None, "added": 1, "removed": 2},
    ),
    event(1, "patch_validated", ts_check_ok=True),
    event(2, "patch_failed", ts_check_ok=False, error="line 1\nhalf \ud800 and nul \0 and \x7f\x1f \u2028"),
    event(2, "patch_reverted", meta={}),
]
HASHES_OF_0_1 = [
    "953e8996ae7c05c85b0970d16106dc8a0914d49c61b399dd404a488a75adbf65",
    "624772e5bea0542e8e492dfa7404133dbc56595c003c628d612362d864be25ad",
    "ea908aa9f6036260aef98b5ef60edf2fa964962effa3a777fcf61dc919d53a5d",
    "6b39bc1d40683791a4baaccc0b51bc1fb65cac6f56ccc4803dbc8df358fba306",
    "77152a96e70597f1841bc7328fea61c2ccf952d8f7a83b19c32af211d9c18748",
    "ea44ac02af5327677c6b31d3fa876ec334adf9c707a95aa36c9137a94576391a",
]


def hashes(store: Engine) -> list[str]:
    with read_transaction(store) as conn:
        return list(conn.execute(select(patch_custody.c.hash).order_by(patch_custody.c.seq)).scalars())


@pytest.fixture
def url(sqlite_store: Engine) -> str:
    """The URL of an upgraded SQLite store."""
    return str(sqlite_store.url)


Opened = Callable[[], Custody]


@pytest.fixture(params=["sqlalchemy", "sqlite alone", pytest.param("postgres", marks=pytest.mark.postgres)])
def opened(request: pytest.FixtureRequest) -> tuple[Custody, Engine]:
    """Custody by each of its ways into the store, and the store."""
    if request.param == "postgres":
        store: Engine = request.getfixturevalue("postgres_store")
        return open_custody(store.url.render_as_string(hide_password=False)), store
    store = request.getfixturevalue("sqlite_store")
    return StoreCustody(store) if request.param == "sqlalchemy" else open_custody(str(store.url)), store


def test_the_chain_of_the_first_release_goes_on_hash_by_hash(opened: tuple[Custody, Engine]) -> None:
    custody, store = opened
    custody.record(RECORDED_BY_0_1)
    assert hashes(store) == HASHES_OF_0_1
    with read_transaction(store) as conn:
        assert patch_events.verify_chain(conn, "/srv/work").checked == len(RECORDED_BY_0_1)


def test_each_way_into_the_store_tells_the_same_patches(opened: tuple[Custody, Engine]) -> None:
    custody, store = opened
    custody.record(RECORDED_BY_0_1)
    one, two = custody.batch("batch")
    assert [each.event for each in one.events] == ["patch_requested", "patch_applied", "patch_validated"]
    assert one.events[1] == replace(RECORDED_BY_0_1[2], created_at=datetime(2026, 3, 4, 9, 30, 5, tzinfo=UTC))
    assert one.events[1].created_at.tzinfo is UTC
    assert (one.events[2].ts_check_ok, two.events[1].ts_check_ok) == (True, False)
    assert two.requested.meta == {"z": [1.5, None, {"ä": True}], "a": 1e20}
    assert two.events[1].error == "line 1\nhalf \ufffd and nul \ufffd and \x7f\x1f \u2028"
    assert custody.patches(["patch-2", "none", "patch-1"]) == [one, two] == StoreCustody(store).batch("batch")
    assert (custody.patches([]), custody.batch("none")) == ([], [])


def test_a_workspace_whose_name_is_not_unicode_has_one_chain(opened: tuple[Custody, Engine]) -> None:
    custody, store = opened
    for number in (1, 2):
        custody.record([event(number, "patch_requested", workspace="/srv/\udcff")])
    with read_transaction(store) as conn:
        assert patch_events.verify_chain(conn, "/srv/\ufffd").checked == 2


def test_both_ways_may_write_to_one_file_in_turn(sqlite_store: Engine, url: str) -> None:
    alone, pooled = open_custody(url), StoreCustody(sqlite_store)
    assert isinstance(alone, SqliteCustody)
    for number, custody in enumerate([alone, pooled, alone, pooled]):
        custody.record([event(number, "patch_requested")])
    with read_transaction(sqlite_store) as conn:
        assert patch_events.verify_chain(conn, "/srv/work").checked == 4


def test_a_record_that_fails_leaves_nothing_and_the_next_goes_on(url: str, sqlite_store: Engine) -> None:
    with write_transaction(sqlite_store) as conn:
        conn.exec_driver_sql(
            "CREATE TRIGGER refusing BEFORE INSERT ON patch_custody WHEN NEW.patch_id = 'patch-2'"
            " BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    custody = open_custody(url)
    with pytest.raises(CustodyRefused, match="requester takes at most 200 characters, not 201"):
        custody.record([event(1, "patch_requested"), event(2, "patch_requested", requester="x" * 201)])
    with pytest.raises(CustodyRefused, match="does not take the record: not this one"):
        custody.record([event(1, "patch_requested"), event(2, "patch_requested")])
    custody.record([event(3, "patch_requested")])
    assert [patch.patch_id for patch in custody.batch("batch")] == ["patch-3"]


def test_a_store_that_is_held_too_long_is_unavailable(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.05)
    custody = open_custody(url)
    with sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(CustodyUnavailable, match="database is locked"):
            custody.record([event(1, "patch_requested")])
        holder.execute("ROLLBACK")
    custody.record([event(1, "patch_requested")])


def test_commits_are_durable_in_a_write_ahead_log(url: str) -> None:
    connection = sqlite.connect(Path(url.removeprefix("sqlite:///")))
    pragmas = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}


def test_a_new_store_is_made_and_upgraded(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deep/er/store.db"
    open_custody(url).record([event(1, "patch_requested")])
    again = open_custody(url)
    assert isinstance(again, SqliteCustody)
    assert len(again.batch("batch")) == 1


@pytest.mark.parametrize(
    ("url", "fault", "message"),
    [
        ("mysql://host/db", StoreUrlError, "names mysql"),
        ("sqlite:////dev/null/x/store.db", StoreUrlError, "cannot be made"),
        ("sqlite:////", CustodyUnavailable, "unable to open database file"),
    ],
)
def test_a_url_that_cannot_be_opened_says_so(url: str, fault: type[Exception], message: str) -> None:
    with pytest.raises(fault, match=message):
        open_custody(url)


_PATHS = st.text(st.sampled_from("ab/.: @%?#&=+~ä\\-\n"), min_size=1, max_size=12)


@settings(max_examples=1000)
@given(st.sampled_from(["sqlite:///", "sqlite+pysqlite:///", "sqlite://", "postgresql:///", "SQLite:///"]), _PATHS)
@example("sqlite:///", "100%aa.db")
@example("sqlite:///", "a+b@c:d.db")
def test_a_file_is_named_only_where_sqlalchemy_reads_the_url_so_too(scheme: str, path: str) -> None:
    found = sqlite.file_of(scheme + path)
    if found is not None:
        understood = make_url(scheme + path)
        assert (understood.get_backend_name(), dict(understood.query)) == ("sqlite", {})
        assert Path(understood.database or "") == found


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "sqlite:///x?mode=ro", "sqlite:///a%20b"]
)
def test_what_is_no_plain_path_is_left_to_sqlalchemy(url: str) -> None:
    assert sqlite.file_of(url) is None


def test_the_limits_are_those_of_the_columns() -> None:
    written = [column for column in events_table.c if column.computed is None]
    lengths = {column.name: getattr(column.type, "length", None) for column in written}
    assert {name: limit for name, limit in lengths.items() if limit} == TEXT_LIMITS | {"event": 32}


_TEXTS = st.text(max_size=5)
_META = st.none() | st.dictionaries(
    _TEXTS, st.recursive(st.none() | st.booleans() | st.integers() | _TEXTS, st.lists, max_leaves=4), max_size=3
)


@given(
    st.fixed_dictionaries(
        dict.fromkeys(("patch_id", "batch_id", "requester", "workspace", "file_path", "op"), _TEXTS)
        | {name: st.none() | _TEXTS for name in ("task_id", "order_id", "phase", "diff_path", "error")}
        | {"meta": _META, "ts_check_ok": st.none() | st.booleans(), "event": st.sampled_from(PatchEventName)}
        | {"created_at": st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7))]))}
    ),
    st.integers(1),
)
def test_a_message_is_the_canonical_json_of_its_event(values: dict[str, Any], seq: int) -> None:
    told = EventRow(**values)
    content = {field.name: getattr(told, field.name) for field in fields(EventRow)}
    content |= {"seq": seq, "created_at": told.created_at.astimezone(UTC).isoformat(timespec="microseconds")}
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    meta = json.dumps(told.meta, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert message_of(told, seq, meta) == canonical


def test_recording_in_an_upgraded_file_loads_no_sqlalchemy(url: str) -> None:
    open_store(url).dispose()
    script = """
import sys
from datetime import UTC, datetime
from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.store.custody import open_custody
custody = open_custody(sys.argv[1])
custody.record([EventRow("p", "b", "r", "w", "f", "o", PatchEventName.PATCH_REQUESTED, datetime.now(UTC))])
assert len(custody.batch("b")) == 1
print(*sorted({"sqlalchemy", "alembic", "dagster", "psycopg"} & sys.modules.keys()))
"""
    loaded = subprocess.run([sys.executable, "-c", script, url], check=True, capture_output=True, text=True)
    assert loaded.stdout.split() == []
