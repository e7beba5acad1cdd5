"""Container output is kept whole, in order, and read by cursor."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, delete
from sqlalchemy.exc import StatementError

from repo_agent_dagster.store import container_logs
from repo_agent_dagster.store.container_logs import ContainerLogLines
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.storable import UnfitValueError
from repo_agent_dagster.store.tables import task_requests
from repo_agent_dagster.store.task_requests import TaskRequest


def _command(task: TaskRequest, now: datetime, *, lines: int) -> list[ContainerLogLines]:
    started = ContainerLogLines(task.id, now, "c1", 0, "stdin", ["pytest -q"])
    output = [
        ContainerLogLines(task.id, now + timedelta(seconds=n), "c1", n, "stdout", [f"line {n}"])
        for n in range(1, lines)
    ]
    ended = ContainerLogLines(task.id, now + timedelta(seconds=lines), "c1", lines, "stderr", ["1 failed"], exit_code=1)
    return [started, *output, ended]


def test_rows_come_back_in_the_order_they_were_appended(store: Engine, task: TaskRequest, now: datetime) -> None:
    rows = _command(task, now, lines=30)
    with write_transaction(store) as conn:
        container_logs.append(conn, rows[:10])
        container_logs.append(conn, rows[10:])

    with read_transaction(store) as conn:
        stored = container_logs.listing(conn, task.id)

    assert [(row.seq, row.stream, row.log_content, row.exit_code, row.timestamp) for row in stored] == [
        (row.seq, row.stream, row.texts[0], row.exit_code, row.timestamp) for row in rows
    ]


def test_lines_that_arrived_at_once_are_rows_of_their_own(store: Engine, task: TaskRequest, now: datetime) -> None:
    texts = [f"line {number} 'é' \\u0000 😀" for number in range(3000)]
    with write_transaction(store) as conn:
        container_logs.append(conn, [ContainerLogLines(task.id, now, "c1", 7, "stderr", texts)])

    with read_transaction(store) as conn:
        stored = container_logs.listing(conn, task.id, limit=5000)
    assert [row.log_content for row in stored] == texts
    assert [row.seq for row in stored] == list(range(7, 3007))
    assert {(row.stream, row.timestamp, row.exit_code) for row in stored} == {("stderr", now, None)}


def test_a_cursor_reads_the_log_in_pages_without_gap_or_repeat(store: Engine, task: TaskRequest, now: datetime) -> None:
    rows = _command(task, now, lines=24)
    with write_transaction(store) as conn:
        container_logs.append(conn, rows)

    seen: list[int] = []
    cursor = 0
    with read_transaction(store) as conn:
        while page := container_logs.listing(conn, task.id, after_id=cursor, limit=10):
            seen += [row.seq for row in page]
            cursor = page[-1].id

    assert seen == [row.seq for row in rows]


def test_one_command_or_what_came_since_an_instant_is_read_alone(
    store: Engine, task: TaskRequest, now: datetime
) -> None:
    other = [replace(row, command_id="c2") for row in _command(task, now, lines=3)]
    with write_transaction(store) as conn:
        container_logs.append(conn, _command(task, now, lines=3))
        container_logs.append(conn, other)

    with read_transaction(store) as conn:
        second = container_logs.listing(conn, task.id, command_id="c2")
        late = container_logs.listing(conn, task.id, since=now + timedelta(seconds=2))
    assert [(row.command_id, row.seq) for row in second] == [("c2", seq) for seq in range(4)]
    assert [(row.command_id, row.seq) for row in late] == [("c1", 2), ("c1", 3), ("c2", 2), ("c2", 3)]


def test_the_last_lines_come_in_their_order(store: Engine, task: TaskRequest, now: datetime) -> None:
    with write_transaction(store) as conn:
        container_logs.append(conn, _command(task, now, lines=5))
        container_logs.append(conn, [ContainerLogLines(task.id, now, "c2", 0, "stdin", ["ls"])])

    with read_transaction(store) as conn:
        assert [row.log_content for row in container_logs.tail(conn, task.id, 3)] == ["line 4", "1 failed", "ls"]
        assert [row.seq for row in container_logs.tail(conn, task.id, 2, command_id="c1")] == [4, 5]
        assert len(container_logs.tail(conn, task.id, 100)) == 7


def test_a_time_without_a_zone_and_an_overlong_id_are_refused_on_both_databases(
    store: Engine, task: TaskRequest, now: datetime
) -> None:
    with write_transaction(store) as conn, pytest.raises(StatementError, match="naive datetime"):
        container_logs.append(conn, [ContainerLogLines(task.id, now.replace(tzinfo=None), "c", 0, "stdin", [""])])
    with write_transaction(store) as conn, pytest.raises(UnfitValueError, match="command_id takes at most 36"):
        container_logs.append(conn, [ContainerLogLines(task.id, now, "c" * 37, 0, "stdin", [""])])


def test_tabs_breaks_and_backslashes_come_back_as_they_were(store: Engine, task: TaskRequest, now: datetime) -> None:
    text = "a\tb \\N \\. \n \r x\\"
    with write_transaction(store) as conn:
        container_logs.append(conn, [ContainerLogLines(task.id, now, "c1", 1, "stdout", [text])])
        [row] = container_logs.listing(conn, task.id)
    assert row.log_content == text


def test_appending_nothing_is_allowed(store: Engine, task: TaskRequest) -> None:
    with write_transaction(store) as conn:
        container_logs.append(conn, [])
        assert container_logs.listing(conn, task.id) == []


def test_a_nul_and_half_a_surrogate_pair_become_the_replacement_character(
    store: Engine, task: TaskRequest, now: datetime
) -> None:
    with write_transaction(store) as conn:
        container_logs.append(conn, [ContainerLogLines(task.id, now, "c1", 1, "stdout", ["a\0b \ud83d é 😀"])])
        [row] = container_logs.listing(conn, task.id)
    assert row.log_content == "a\ufffdb \ufffd é 😀"


def test_the_output_goes_with_its_task(store: Engine, task: TaskRequest, now: datetime) -> None:
    with write_transaction(store) as conn:
        container_logs.append(conn, _command(task, now, lines=3))
        conn.execute(delete(task_requests).where(task_requests.c.id == task.id))
        assert container_logs.listing(conn, task.id) == []


def test_the_last_line_is_the_newest_without_its_line_end(store: Engine, task: TaskRequest, now: datetime) -> None:
    with read_transaction(store) as conn:
        assert container_logs.last_line(conn, task.id) is None
    with write_transaction(store) as conn:
        container_logs.append(conn, _command(task, now, lines=3))
        container_logs.append(conn, [ContainerLogLines(task.id, now, "c2", 0, "stdin", ["git status\n"])])
    with read_transaction(store) as conn:
        assert container_logs.last_line(conn, task.id) == "git status"
