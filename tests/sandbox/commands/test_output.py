"""The sink that keeps output in the store, on both databases."""

import gzip
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.tasks import OpsScanPayload, Pathway
from repo_agent_dagster.sandbox.commands import output
from repo_agent_dagster.sandbox.commands.output import OutputLine, StoreSink, shown
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from repo_agent_dagster.store import container_logs, task_requests
from repo_agent_dagster.store.container_logs import StoredContainerLog
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ids import new_id


@pytest.fixture
def task(store: Engine, now: datetime) -> str:
    with write_transaction(store) as connection:
        return task_requests.submit(connection, Pathway.OPS_SCAN, OpsScanPayload(day=now.date()), now=now).id


def stored(store: Engine, task: str) -> list[StoredContainerLog]:
    with read_transaction(store) as connection:
        return container_logs.listing(connection, task, limit=100_000)


def lines(count: int, now: datetime, width: int = 0) -> list[OutputLine]:
    return [
        OutputLine("stdout", f"line {i}".ljust(width, "."), now + timedelta(milliseconds=i), i)
        for i in range(1, count + 1)
    ]


def test_a_command_is_stored_with_its_lines_and_its_ending(
    store: Engine, task: str, now: datetime, tmp_path: Path
) -> None:
    sink, command_id = StoreSink(store, task, cap_bytes=10_000, artifacts_dir=tmp_path / "artifacts"), new_id()

    sink.start(command_id, ("bash", "-c", "make test"), now)
    sink.write(command_id, [OutputLine("stdout", "fine", now, 1), OutputLine("stderr", "nul \0 byte", now, 2)])
    path = sink.finish(command_id, 2, now, timed_out=False)

    assert path is None
    assert [(row.seq, row.stream, row.log_content, row.exit_code) for row in stored(store, task)] == [
        (0, "stdin", "make test", None),
        (1, "stdout", "fine", None),
        (2, "stderr", "nul \N{REPLACEMENT CHARACTER} byte", None),
        (3, "stdin", "[exit code 2]", 2),
    ]
    assert not (tmp_path / "artifacts").exists()


def test_the_command_is_seen_while_it_runs_and_full_batches_too(
    store: Engine, task: str, now: datetime, tmp_path: Path
) -> None:
    sink, command_id = StoreSink(store, task, cap_bytes=100_000, artifacts_dir=tmp_path), new_id()

    sink.start(command_id, ["sleep", "10 s"], now)
    assert [row.log_content for row in stored(store, task)] == ["sleep '10 s'"]

    sink.write(command_id, lines(499, now))
    assert len(stored(store, task)) == 1
    sink.write(command_id, lines(1, now))
    assert len(stored(store, task)) == 501


def test_waiting_lines_are_stored_after_half_a_second_without_new_ones(
    store: Engine, task: str, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, command_id = StoreSink(store, task, cap_bytes=100_000, artifacts_dir=tmp_path), new_id()
    sink.start(command_id, ["slow"], now)
    sink.write(command_id, lines(1, now))
    before = len(stored(store, task))

    monkeypatch.setattr(output, "_BATCH_SECONDS", 0.0)
    sink.write(command_id, [])

    assert (before, len(stored(store, task))) == (1, 2)


def test_a_time_out_is_told_in_the_last_row(store: Engine, task: str, now: datetime, tmp_path: Path) -> None:
    sink, command_id = StoreSink(store, task, cap_bytes=100, artifacts_dir=tmp_path), new_id()

    sink.start(command_id, ["sleep", "9"], now)
    sink.finish(command_id, None, now, timed_out=True)

    last = stored(store, task)[-1]
    assert (last.log_content, last.exit_code) == ("[killed: its time was over]", None)


def test_a_log_over_the_cap_is_marked_and_kept_whole_beside_it(
    store: Engine, task: str, now: datetime, tmp_path: Path
) -> None:
    sink, command_id = StoreSink(store, task, cap_bytes=1000, artifacts_dir=tmp_path), new_id()

    sink.start(command_id, ["chatty"], now)
    for start in range(0, 100, 10):
        sink.write(command_id, lines(100, now, width=19)[start : start + 10])
    path = sink.finish(command_id, 0, now, timed_out=False)

    rows = stored(store, task)
    assert path == tmp_path / task / f"{command_id}.log.gz"
    assert len([row for row in rows if row.log_content.startswith("line")]) == 50  # 20 bytes each with the line break
    assert rows[51].log_content == f"[cut after 1000 bytes; the whole output is in {path}]"
    assert rows[52].log_content == "[exit code 0]"
    assert len(rows) == 53
    with gzip.open(path, "rt") as whole:
        content = whole.read().splitlines()
    assert [line.split(" ", 2)[2].rstrip(".") for line in content] == [f"line {i}" for i in range(1, 101)]
    assert content[0].startswith(f"{now:%Y-%m-%dT%H:%M:%S}")


def test_even_the_whole_log_ends_somewhere(
    sqlite_store: Engine, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "WHOLE_LOG_BYTES", 1000)
    with write_transaction(sqlite_store) as connection:
        task = task_requests.submit(connection, Pathway.OPS_SCAN, OpsScanPayload(day=now.date()), now=now).id
    sink, command_id = StoreSink(sqlite_store, task, cap_bytes=100, artifacts_dir=tmp_path), new_id()

    sink.start(command_id, ["yes"], now)
    sink.write(command_id, lines(1000, now, width=19))
    path = sink.finish(command_id, 0, now, timed_out=False)

    assert path is not None
    with gzip.open(path, "rt") as whole:
        content = whole.read().splitlines()
    assert len(content) == 52
    assert content[-1] == "[cut after 1000 bytes]"


def test_two_commands_at_once_are_kept_apart(store: Engine, task: str, now: datetime, tmp_path: Path) -> None:
    sink, first, second = StoreSink(store, task, cap_bytes=100, artifacts_dir=tmp_path), new_id(), new_id()

    sink.start(first, ["one"], now)
    sink.start(second, ["two"], now)
    sink.write(first, lines(1, now))
    sink.finish(second, 0, now, timed_out=False)
    sink.finish(first, 1, now, timed_out=False)

    assert [(row.seq, row.exit_code) for row in stored(store, task) if row.command_id == first] == [
        (0, None), (1, None), (2, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (("bash", "-c", "a && b"), "a && b"),
        (["bash", "-c", "a && b"], "a && b"),
        (("git", "log", "a b"), "git log 'a b'"),
    ],
)
def test_a_command_is_shown_as_a_person_types_it(command: tuple[str, ...], text: str) -> None:
    assert shown(command) == text


@pytest.mark.docker
def test_a_real_sandbox_writes_its_log_to_the_store(
    store: Engine, task: str, sandbox_image: str, tmp_path: Path
) -> None:
    sink = StoreSink(store, task, cap_bytes=2000, artifacts_dir=tmp_path)

    with Sandbox.open(SandboxSpec(task), sink=sink) as box:
        short, long = box.exec("echo short"), box.exec("seq 20000")

    assert (short.truncated, short.log_path) == (False, None)
    assert long.truncated
    assert long.log_path is not None
    with gzip.open(long.log_path, "rt") as whole:
        assert sum(1 for _ in whole) == 20000
    by_command = {row.command_id: row for row in stored(store, task)}
    assert by_command[short.command_id].exit_code == 0
    assert by_command[long.command_id].exit_code == 0
