"""Ingestion is exactly-once, whatever happens to the objects in between; broken lines stop nothing."""

import gzip
import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select

from repo_agent_dagster.ops.ingestion.line_reader import MAX_LINE_BYTES
from repo_agent_dagster.ops.ingestion.quarantine import MAX_ENTRIES
from repo_agent_dagster.store.tables import log_ingestions, worker_logs
from tests.ops.conftest import DAY, LogFolder, build_line, line
from tests.ops.ingestion.memory_source import MemoryObject, MemorySource
from tests.ops.ingestion.test_line_shapes import BROKEN

NEXT_DAY = DAY + timedelta(days=1)


def test_a_days_lines_arrive_and_other_days_stay_out(logs: LogFolder) -> None:
    logs.write(
        "a.jsonl",
        [
            line("before", "23:59:59.999999", DAY - timedelta(days=1)),
            line("first", "00:00:00"),
            line("last", "23:59:59.999999"),
            line("after", "00:00:00", NEXT_DAY),
        ],
    )

    result = logs.ingest()

    assert logs.messages() == ["first", "last"]
    assert (result.source, result.day, result.objects, result.rows, result.written) == ("test-worker", DAY, 1, 2, 2)
    assert (result.skipped_objects, result.quarantined, result.quarantine_paths) == (0, 0, ())


def test_builds_go_to_their_own_table(builds: LogFolder) -> None:
    builds.write("ci.jsonl", [build_line("boom")])

    assert builds.ingest().rows == 1
    assert builds.messages() == ["boom"]


def test_an_unchanged_object_is_passed_over_and_still_counted(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("one"), "broken"])
    first = logs.ingest()

    again = logs.ingest()

    assert (again.skipped_objects, again.written) == (1, 0)
    assert (again.rows, again.quarantined, again.quarantine_paths) == (1, 1, first.quarantine_paths)
    assert logs.messages() == ["one"]


def test_a_changed_object_has_its_lines_of_the_day_replaced(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("old"), line("kept"), line("tomorrow", day=NEXT_DAY)])
    logs.write("b.jsonl", [line("other")])
    logs.ingest()
    logs.ingest(NEXT_DAY)
    logs.write("a.jsonl", [line("kept"), line("late"), line("moved", day=NEXT_DAY)])

    result = logs.ingest()

    assert logs.messages() == ["kept", "late", "other", "tomorrow"]
    assert (result.rows, result.written, result.skipped_objects) == (3, 2, 1)
    logs.ingest(NEXT_DAY)
    assert logs.messages() == ["kept", "late", "moved", "other"]


def test_identical_lines_are_all_kept_and_only_once(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("same"), line("same")])
    logs.write("b.jsonl", [line("same")])

    logs.ingest()
    logs.ingest()

    assert logs.messages() == ["same"] * 3


def test_a_file_that_was_compressed_afterwards_is_the_same_object(logs: LogFolder) -> None:
    path = logs.write("a.jsonl", [line("one")])
    logs.ingest()
    path.with_name("a.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()

    assert logs.ingest().skipped_objects == 1
    assert logs.messages() == ["one"]


def test_lines_outlive_their_object(logs: LogFolder) -> None:
    path = logs.write("a.jsonl", [line("one")])
    logs.ingest()
    path.unlink()

    assert logs.ingest().objects == 0
    assert logs.messages() == ["one"]


def test_what_a_damaged_file_still_holds_arrives_and_the_damage_is_quarantined(logs: LogFolder) -> None:
    packed = gzip.compress(b"".join(line(f"m{n}").encode() + b"\n" for n in range(20_000)))
    (logs.folder).mkdir()
    (logs.folder / "a.jsonl.gz").write_bytes(packed[:-100])

    result = logs.ingest()

    assert 0 < result.rows < 20_000
    assert "the object ends here" in logs.quarantined(result)[-1]["reason"]
    assert logs.ingest().skipped_objects == 1
    (logs.folder / "a.jsonl.gz").write_bytes(packed)
    assert logs.ingest().rows == 20_000


def test_every_kind_of_broken_line_is_quarantined_with_its_number_and_stops_nothing(logs: LogFolder) -> None:
    on_day = [
        text.replace("2026-03-04", str(DAY)).replace("1772627696789", "1772541296789") for text, _ in BROKEN.values()
    ]
    broken: list[str | bytes] = [text.encode(errors="surrogatepass") for text in on_day]
    broken += [b"invalid \xff", b"x" * (MAX_LINE_BYTES + 1)]
    logs.write("a.jsonl", [line("first"), *broken, "", "  ", line("last")])

    result = logs.ingest()

    assert logs.messages() == ["first", "last"]
    assert result.quarantined == len(broken)
    entries = logs.quarantined(result)
    assert [entry["line"] for entry in entries] == list(range(2, 2 + len(broken)))
    assert all(entry["reason"] and len(entry["text"]) <= 2000 for entry in entries)


def test_a_hole_in_a_file_is_one_broken_line_and_what_stands_around_it_arrives(logs: LogFolder) -> None:
    path = logs.write("a.jsonl", [line("first")])
    with path.open("r+b") as file:
        file.truncate(32 << 20)  # by hand also with 5 GiB: 60 MiB of memory
        file.seek(0, 2)
        file.write(b"\n" + line("last").encode())

    result = logs.ingest()

    assert (logs.messages(), result.quarantined) == (["first", "last"], 1)
    assert "bytes long" in logs.quarantined(result)[0]["reason"]


def test_a_broken_line_belongs_to_the_day_of_the_last_time_before_it(logs: LogFolder) -> None:
    logs.write(
        "a.jsonl", ["lead", line("one"), "of the day", line("two", day=NEXT_DAY), "of the next", line("x", level="?")]
    )

    assert [entry["text"] for entry in logs.quarantined(logs.ingest())][:2] == ["lead", "of the day"]
    assert [entry["text"] for entry in logs.quarantined(logs.ingest(NEXT_DAY))] == ["of the next"]


def test_broken_lines_before_the_first_time_belong_to_its_day(logs: LogFolder) -> None:
    logs.write("a.jsonl", ["lead", b"\xff", line("one", day=NEXT_DAY)])

    assert logs.ingest().quarantined == 0
    assert logs.ingest(NEXT_DAY).quarantined == 2
    assert [path.name for path in logs.quarantine.rglob("*.draft")] == []


def test_a_line_with_a_time_but_without_a_message_belongs_to_its_own_day(logs: LogFolder) -> None:
    broken = line("x", day=NEXT_DAY).replace('"message"', '"text"')
    logs.write("a.jsonl", [broken, line("one")])

    assert logs.ingest().quarantined == 0
    assert logs.ingest(NEXT_DAY).quarantined == 1


def test_a_repaired_object_leaves_the_quarantine(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("one"), "broken"])
    [path] = logs.ingest().quarantine_paths
    logs.write("a.jsonl", [line("one"), line("two")])

    result = logs.ingest()

    assert (result.quarantined, result.quarantine_paths, path.exists()) == (0, (), False)


def test_secrets_reach_neither_the_table_nor_the_quarantine(logs: LogFolder) -> None:
    secret = "Aa1" * 7
    logs.write("a.jsonl", [line(f"password={secret}"), f"broken token={secret}"])

    result = logs.ingest()

    assert logs.messages() == ["password=[REDACTED:secret]"]
    assert secret not in result.quarantine_paths[0].read_text()


def test_a_private_key_of_several_broken_lines_does_not_reach_the_quarantine(logs: LogFolder) -> None:
    body = "QUJD" * 16
    logs.write("a.jsonl", [line("one"), "-----BEGIN PRIVATE" + " KEY-----", body, "-----END PRIVATE" + " KEY-----"])

    result = logs.ingest()

    assert result.quarantined == 3
    assert body not in result.quarantine_paths[0].read_text()


def test_the_quarantine_file_is_bounded_and_the_count_is_not(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("one"), *["x"] * (MAX_ENTRIES + 5)])

    result = logs.ingest()

    assert result.quarantined == MAX_ENTRIES + 5
    assert len(logs.quarantined(result)) == MAX_ENTRIES


def test_objects_of_odd_names_have_quarantine_files_of_their_own_inside_the_folder(logs: LogFolder) -> None:
    for name in ("a b.jsonl", "a_b.jsonl", "..x/..jsonl.jsonl", "ü.jsonl"):
        logs.write(name, [line(name), "broken"])

    paths = logs.ingest().quarantine_paths

    assert len(set(paths)) == 4
    assert all(path.resolve().is_relative_to(logs.quarantine.resolve()) for path in paths)


def test_a_failure_between_delete_and_insert_leaves_the_old_lines_and_the_others_arrive(logs: LogFolder) -> None:
    path = logs.write("a.jsonl", [line("old"), "old broken"])
    [quarantine_file] = logs.ingest().quarantine_paths
    before = quarantine_file.read_text()
    path.unlink()

    lost = MemoryObject("a.jsonl", [line("half-read"), "broken"], fault=OSError("connection lost"))
    result = logs.ingest(source=MemorySource([lost, MemoryObject("b.jsonl", [line("other")])]))

    assert (result.status, result.problems, result.is_transient) == ("partial", ("a.jsonl: connection lost",), True)
    assert logs.messages() == ["old", "other"]
    assert quarantine_file.read_text() == before
    assert list(logs.quarantine.rglob("*.draft")) == []


class Crash(BaseException):
    """What a cancelled run raises in the middle of its work."""


def test_a_crash_between_delete_and_insert_leaves_the_old_lines(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("old")])
    logs.ingest()

    with pytest.raises(Crash):
        logs.ingest(source=MemorySource([MemoryObject("a.jsonl", [line("new")], fault=Crash())]))

    assert logs.messages() == ["old"]
    assert logs.ingest().skipped_objects == 1


def test_two_ingestions_at_once_write_the_lines_once(logs: LogFolder) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        logs.write(name, [line(f"{name} {n}") for n in range(500)])
    failures: list[BaseException] = []
    barrier = threading.Barrier(3)

    def work() -> None:
        barrier.wait()
        try:
            logs.ingest()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(logs.messages()) == 1000
    assert len(set(logs.messages())) == 1000


def test_every_row_belongs_to_a_ledger_entry_that_counts_it(logs: LogFolder, store: Engine) -> None:
    logs.write("a.jsonl", [line("one"), line("two"), line("three", day=NEXT_DAY)])
    logs.ingest()
    logs.ingest(NEXT_DAY)

    owned = (
        select(log_ingestions.c.day, log_ingestions.c.rows, func.count())
        .join(worker_logs, worker_logs.c.ingestion_id == log_ingestions.c.id)
        .group_by(log_ingestions.c.day, log_ingestions.c.rows)
        .order_by(log_ingestions.c.day)
    )
    with store.connect() as connection:
        assert connection.execute(owned).all() == [(DAY, 2, 2), (NEXT_DAY, 1, 1)]
