"""The sink that keeps output in the store, on both databases."""

import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import zstandard
from sqlalchemy import Engine, delete
from sqlalchemy.exc import IntegrityError

from repo_agent_dagster.contracts.faults import TransientFault
from repo_agent_dagster.contracts.tasks import OpsScanPayload, Pathway
from repo_agent_dagster.sandbox.commands.collecting import Collector
from repo_agent_dagster.sandbox.commands.masking import Masker
from repo_agent_dagster.sandbox.commands.output import OutputLine
from repo_agent_dagster.sandbox.commands.storing import BATCH_LINES, BATCH_SECONDS, StoreSink
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from repo_agent_dagster.store import container_logs, task_requests
from repo_agent_dagster.store.container_logs import StoredContainerLog
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.tables import task_requests as task_table

MakeSink = Callable[[int], StoreSink]


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def task(store: Engine, now: datetime) -> str:
    with write_transaction(store) as connection:
        return task_requests.submit(connection, Pathway.OPS_SCAN, OpsScanPayload(day=now.date()), now=now).id


@pytest.fixture
def make(store: Engine, task: str, tmp_path: Path, clock: Clock) -> MakeSink:
    """Make a sink with this cap; whole logs are kept under their name's last part."""

    def keep(name: str, file: Path) -> str:
        assert name.startswith("logs/")
        return file.rename(tmp_path / Path(name).name).as_uri()

    return lambda cap: StoreSink(store, task, cap_bytes=cap, keep=keep, clock=clock)


def stored(store: Engine, task: str) -> list[StoredContainerLog]:
    with read_transaction(store) as connection:
        return container_logs.listing(connection, task, limit=100_000)


def lines(count: int, now: datetime, width: int = 0, first: int = 1) -> list[OutputLine]:
    return [
        OutputLine("stdout", f"line {i}".ljust(width, "."), now + timedelta(milliseconds=i), i)
        for i in range(first, first + count)
    ]


def unpacked(url: str | None) -> list[str]:
    assert url is not None
    with zstandard.open(url.removeprefix("file://"), "rt") as whole:
        return str(whole.read()).splitlines()


def test_a_command_is_stored_with_its_lines_and_its_ending(
    store: Engine, task: str, now: datetime, make: MakeSink
) -> None:
    sink, command_id = make(10_000), new_id()

    sink.start(command_id, ("bash", "-c", "make test"), now)
    sink.write(command_id, [OutputLine("stdout", "fine", now, 1), OutputLine("stderr", "nul \0 byte", now, 2)])
    url = sink.finish(command_id, 2, now, timed_out=False)

    assert url is None
    assert [(row.seq, row.stream, row.log_content, row.exit_code) for row in stored(store, task)] == [
        (0, "stdin", "make test", None),
        (1, "stdout", "fine", None),
        (2, "stderr", "nul \N{REPLACEMENT CHARACTER} byte", None),
        (3, "stdin", "[exit code 2]", 2),
    ]


def test_the_command_and_its_first_lines_are_stored_at_once(
    store: Engine, task: str, now: datetime, make: MakeSink
) -> None:
    sink, command_id = make(10_000), new_id()

    sink.start(command_id, ["sleep", "10 s"], now)
    assert [row.log_content for row in stored(store, task)] == ["sleep '10 s'"]
    sink.write(command_id, lines(2, now))
    assert [row.log_content for row in stored(store, task)][1:] == ["line 1", "line 2"]


def test_lines_wait_for_others_a_quarter_of_a_second_at_most(
    store: Engine, task: str, now: datetime, make: MakeSink, clock: Clock
) -> None:
    sink, command_id = make(10_000), new_id()
    sink.start(command_id, ["slow"], now)
    sink.write(command_id, lines(1, now))

    sink.write(command_id, lines(1, now, first=2))
    before = len(stored(store, task))
    clock.now += BATCH_SECONDS
    sink.write(command_id, [])

    assert (before, len(stored(store, task))) == (2, 3)


def test_a_full_batch_waits_for_nothing(sqlite_store: Engine, now: datetime, tmp_path: Path, clock: Clock) -> None:
    with write_transaction(sqlite_store) as connection:
        task = task_requests.submit(connection, Pathway.OPS_SCAN, OpsScanPayload(day=now.date()), now=now).id
    sink, command_id = StoreSink(sqlite_store, task, cap_bytes=1 << 30, keep=lambda *_: "", clock=clock), new_id()
    sink.start(command_id, ["fast"], now)
    sink.write(command_id, lines(1, now))

    sink.write(command_id, lines(BATCH_LINES - 1, now, first=2))
    before = len(stored(sqlite_store, task))
    sink.write(command_id, lines(1, now, first=BATCH_LINES + 1))

    assert (before, len(stored(sqlite_store, task))) == (2, 2 + BATCH_LINES)


def test_an_endless_line_takes_little_memory(sqlite_store: Engine, now: datetime) -> None:
    with write_transaction(sqlite_store) as connection:
        task = task_requests.submit(connection, Pathway.OPS_SCAN, OpsScanPayload(day=now.date()), now=now).id
    sink, command_id, chunk = StoreSink(sqlite_store, task, cap_bytes=1 << 20, keep=lambda *_: ""), new_id(), 1 << 18
    collector = Collector(command_id, sink, Masker([b"secret"]))
    sink.start(command_id, ["yes"], now)

    tracemalloc.start()
    for _ in range((32 << 20) // chunk):
        collector.take([("stdout", b"x" * chunk)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    collector.finish()
    sink.finish(command_id, 0, now, timed_out=False)
    assert peak < 12 << 20


def test_a_store_that_fails_fails_the_command(store: Engine, task: str, now: datetime, make: MakeSink) -> None:
    sink, command_id = make(10_000), new_id()
    sink.start(command_id, ["fast"], now)
    with write_transaction(store) as connection:
        connection.execute(delete(task_table).where(task_table.c.id == task))

    with pytest.raises(IntegrityError):
        sink.write(command_id, lines(1, now))


def test_an_end_without_an_exit_code_is_told_in_the_last_row(
    store: Engine, task: str, now: datetime, make: MakeSink
) -> None:
    sink, late, cut_off = make(100), new_id(), new_id()

    for command_id, timed_out in ((late, True), (cut_off, False)):
        sink.start(command_id, ["sleep", "9"], now)
        sink.finish(command_id, None, now, timed_out=timed_out)

    last = {row.command_id: (row.log_content, row.exit_code) for row in stored(store, task)}
    assert last == {
        late: ("[killed: its time was over]", None),
        cut_off: ("[interrupted, or its sandbox is gone]", None),
    }


def test_a_log_over_the_cap_has_its_beginning_a_mark_and_its_end_in_the_table_and_is_kept_whole(
    store: Engine, task: str, now: datetime, make: MakeSink
) -> None:
    sink, command_id = make(1000), new_id()

    sink.start(command_id, ["chatty"], now)
    for first in range(1, 1001, 10):
        sink.write(command_id, lines(10, now, width=19, first=first))
    cut = stored(store, task)[-1].log_content
    url = sink.finish(command_id, 0, now, timed_out=False)

    rows = stored(store, task)
    assert cut == "[cut after 1000 bytes; the last lines follow when the command has ended]"
    shown = [row.log_content.rstrip(".") for row in rows]
    assert shown[1:51] == [f"line {i}" for i in range(1, 51)]  # 20 bytes each with the line break
    assert shown[51:53] == [cut, f"[750 lines are left out here; the whole output is in {url}]"]
    assert shown[53:-1] == [f"line {i}" for i in range(801, 1001)]
    assert shown[-1] == "[exit code 0]"
    assert [row.seq for row in rows] == list(range(len(rows)))
    whole = unpacked(url)
    assert [line.split(" ", 2)[1:] for line in whole] == [
        ["stdout", f"line {i}".ljust(19, ".")] for i in range(1, 1001)
    ]
    assert datetime.fromisoformat(whole[0].split(" ")[0]) == now + timedelta(milliseconds=1)


def test_a_whole_log_that_cannot_be_kept_is_told_of_and_fails_nothing(
    store: Engine, task: str, now: datetime, clock: Clock
) -> None:
    files: list[Path] = []

    def refuse(_name: str, file: Path) -> str:
        files.append(file)
        raise TransientFault("the bucket does not answer")

    sink, command_id = StoreSink(store, task, cap_bytes=5, keep=refuse, clock=clock), new_id()
    sink.start(command_id, ["chatty"], now)
    sink.write(command_id, lines(2, now))

    assert sink.finish(command_id, 0, now, timed_out=False) is None
    assert [row.log_content for row in stored(store, task)][2:] == [
        "[0 lines are left out here; the whole output could not be kept: the bucket does not answer]",
        "line 1",
        "line 2",
        "[exit code 0]",
    ]
    assert [file.exists() for file in files] == [False]


def test_two_commands_at_once_are_kept_apart(store: Engine, task: str, now: datetime, make: MakeSink) -> None:
    sink, first, second = make(100), new_id(), new_id()

    sink.start(first, ["one"], now)
    sink.start(second, ["two"], now)
    sink.write(first, lines(1, now))
    sink.finish(second, 0, now, timed_out=False)
    sink.finish(first, 1, now, timed_out=False)

    assert [(row.seq, row.exit_code) for row in stored(store, task) if row.command_id == first] == [
        (0, None), (1, None), (2, 1),
    ]  # fmt: skip


@pytest.mark.docker
def test_what_a_command_writes_is_in_the_store_while_it_still_runs(
    sqlite_store: Engine, now: datetime, sandbox_image: str, clock: Clock
) -> None:
    with write_transaction(sqlite_store) as connection:
        task = task_requests.submit(connection, Pathway.OPS_SCAN, OpsScanPayload(day=now.date()), now=now).id
    sink = StoreSink(sqlite_store, task, cap_bytes=1 << 20, keep=lambda *_: "")
    with Sandbox.open(SandboxSpec(task, image=sandbox_image), sink=sink) as box, ThreadPoolExecutor(1) as pool:
        running = pool.submit(box.exec, "echo first; sleep 0.1; echo second; until [ -e go ]; do sleep 0.1; done")
        deadline = time.monotonic() + 30
        while len(stored(sqlite_store, task)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        seen = [row.log_content for row in stored(sqlite_store, task)][1:]
        was_running = not running.done()
        Sandbox.attach(box.id).put({"go": b""}, "/workspace")
        running.result()

    assert (seen, was_running) == (["first", "second"], True)


@pytest.mark.docker
def test_a_real_sandbox_writes_its_log_to_the_store(
    store: Engine, task: str, sandbox_image: str, make: MakeSink
) -> None:
    with Sandbox.open(SandboxSpec(task), sink=make(2000)) as box:
        short, long = box.exec("echo short"), box.exec("seq 20000")

    assert (short.truncated, short.log_url) == (False, None)
    assert long.truncated
    assert [line.rpartition(" ")[2] for line in unpacked(long.log_url)] == [str(number) for number in range(1, 20_001)]
    by_command = {row.command_id: row for row in stored(store, task)}
    assert by_command[short.command_id].exit_code == 0
    assert by_command[long.command_id].exit_code == 0
