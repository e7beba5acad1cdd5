"""The log tables and their ledger, on both databases."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.logs import LogKind, LogLevel, LogRecord
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.log_ledger import (
    LedgerEntry,
    ObjectKey,
    begin_replacement,
    finish_replacement,
    ledger_entry,
)
from repo_agent_dagster.store.log_records import count_lines, failures
from repo_agent_dagster.store.log_writing import LogRow, staged, write_rows

DAY = date(2026, 3, 3)
START = datetime(2026, 3, 3, tzinfo=UTC)
END = START + timedelta(days=1)
ENTRY = LedgerEntry("d" * 64, 2, 1, "/quarantine/a.jsonl")


def row(place: str, level: str, message: str, ts: str, run_id: str | None = None, meta: str | None = None) -> LogRow:
    return (place, run_id, level, message, meta, ts, None)


def store_rows(engine: Engine, kind: LogKind, rows: list[LogRow], now: datetime, name: str = "a.jsonl") -> None:
    with staged(engine, iter(rows)) as ready, write_transaction(engine) as connection:
        entry_id = begin_replacement(connection, ObjectKey(kind, "folder", name, DAY), now=now)
        write_rows(connection, kind, entry_id, "folder", ready)
        finish_replacement(connection, entry_id, ENTRY)


def read_failures(engine: Engine, kind: LogKind) -> list[LogRecord]:
    with read_transaction(engine) as connection:
        return list(failures(connection, kind, START, END))


def test_written_rows_are_read_back_as_they_were(store: Engine, now: datetime) -> None:
    awkward = "tab\there, line\nbreak, back\\slash \\N, 'quote', “ünïcode” 🙂"
    rows = [row("shop", "error", awkward, "2026-03-03 00:00:00.000001", meta='{"a": [1, null, "\\\\N"]}')]

    store_rows(store, "worker", rows, now)

    [record] = read_failures(store, "worker")
    assert (record.place, record.level, record.message) == ("shop", LogLevel.ERROR, awkward)
    assert record.meta == {"a": [1, None, "\\N"]}
    assert record.ts == datetime(2026, 3, 3, 0, 0, 0, 1, tzinfo=UTC)
    assert (record.kind, record.source, record.run_id) == ("worker", "folder", None)


def test_a_builds_row_keeps_its_run(store: Engine, now: datetime) -> None:
    store_rows(store, "build", [row("org/web", "fatal", "boom", "2026-03-03 23:59:59.999999", run_id="4711")], now)

    [record] = read_failures(store, "build")

    assert (record.place, record.run_id, record.meta) == ("org/web", "4711", None)


def test_failures_are_the_warnings_and_errors_of_the_window_in_order_of_time(store: Engine, now: datetime) -> None:
    rows = [
        row("w", "error", "late", "2026-03-03 20:00:00.000000"),
        row("w", "info", "noise", "2026-03-03 10:00:00.000000"),
        row("w", "warn", "early", "2026-03-03 00:00:00.000000"),
        row("w", "debug", "noise", "2026-03-03 10:00:00.000000"),
        row("w", "fatal", "next day", "2026-03-04 00:00:00.000000"),
        row("w", "error", "day before", "2026-03-02 23:59:59.999999"),
    ]

    store_rows(store, "worker", rows, now)

    assert [record.message for record in read_failures(store, "worker")] == ["early", "late"]
    with read_transaction(store) as connection:
        assert count_lines(connection, "worker", START, END) == 4
        assert count_lines(connection, "build", START, END) == 0


def test_a_replacement_deletes_the_objects_earlier_rows_and_no_others(store: Engine, now: datetime) -> None:
    store_rows(store, "worker", [row("w", "warn", "old", "2026-03-03 01:00:00.000000")], now)
    store_rows(store, "worker", [row("w", "warn", "other object", "2026-03-03 02:00:00.000000")], now, name="b.jsonl")

    store_rows(store, "worker", [row("w", "warn", "new", "2026-03-03 01:00:00.000000")], now)

    assert [record.message for record in read_failures(store, "worker")] == ["new", "other object"]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 64, 65, 128, 1000])
def test_any_number_of_rows_arrives_in_order(store: Engine, now: datetime, count: int) -> None:
    store_rows(store, "worker", [row("w", "warn", str(n), "2026-03-03 01:00:00.000000") for n in range(count)], now)

    assert [record.message for record in read_failures(store, "worker")] == [str(n) for n in range(count)]


def test_rows_of_any_length_arrive_in_order(store: Engine, now: datetime) -> None:
    lengths = [1, 20_000, 3, *[50_000] * 20, *[1] * 100]
    rows = [
        row("w", "warn", f"{n} " + "x" * length, "2026-03-03 01:00:00.000000", meta='{"a":"%s"}' % ("y" * length))
        for n, length in enumerate(lengths)
    ]

    store_rows(store, "worker", rows, now)

    assert [record.message for record in read_failures(store, "worker")] == [row[3] for row in rows]


def test_the_ledger_tells_what_an_object_came_to_on_a_day(store: Engine, now: datetime) -> None:
    store_rows(store, "worker", [], now)

    with read_transaction(store) as connection:
        assert ledger_entry(connection, ObjectKey("worker", "folder", "a.jsonl", DAY)) == ENTRY
        assert ledger_entry(connection, ObjectKey("build", "folder", "a.jsonl", DAY)) is None
        assert ledger_entry(connection, ObjectKey("worker", "folder", "a.jsonl", DAY + timedelta(days=1))) is None
