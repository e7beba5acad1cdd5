"""A source that fails loses nothing that it gave, and the day says how far it is complete."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from repo_agent_dagster.ops.sources.protocol import (
    DamagedLogObject,
    LogExpired,
    SourceIncomplete,
    SourceRefused,
    SourceUnavailable,
    Window,
)
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.log_source_days import SourceDay, source_day, source_days
from tests.ops.conftest import DAY, INGESTED_AT, LogFolder, line
from tests.ops.ingestion.memory_source import MemoryObject, MemorySource


def recorded(logs: LogFolder) -> SourceDay:
    with read_transaction(logs.engine) as connection:
        found = source_day(connection, "worker", "test-worker", DAY)
        assert source_days(connection, DAY, DAY) == [found]
    assert found is not None
    return found


def test_a_whole_day_is_complete(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("one"), "broken"])

    result = logs.ingest()

    assert (result.status, result.problems, result.problem, result.quarantine_rate) == ("complete", (), None, 0.5)
    day = recorded(logs)
    assert (day.status, day.objects, day.rows, day.quarantined, day.fetched_at) == ("complete", 1, 1, 1, INGESTED_AT)


@pytest.mark.parametrize("lines", [None, [], ["broken"], [line("other day", day=DAY - timedelta(days=1))]])
def test_a_day_without_rows_is_no_data(logs: LogFolder, lines: list[str] | None) -> None:
    if lines is not None:
        logs.write("a.jsonl", lines)

    assert logs.ingest().status == "no_data"
    assert recorded(logs).status == "no_data"


def test_a_day_whose_files_were_moved_away_still_has_its_data(logs: LogFolder) -> None:
    path = logs.write("a.jsonl", [line("one")])
    logs.ingest()
    path.unlink()

    assert logs.ingest().status == "complete"
    assert recorded(logs).rows == 1


def test_a_source_that_stops_answering_leaves_a_partial_day(logs: LogFolder) -> None:
    source = MemorySource([MemoryObject("a", [line("one")])], fault=SourceUnavailable("502 from the proxy"))

    result = logs.ingest(source=source)

    assert logs.messages() == ["one"]
    assert (result.status, result.problem, result.is_transient) == ("partial", "502 from the proxy", True)
    assert (recorded(logs).status, recorded(logs).problem) == ("partial", "502 from the proxy")
    source.fault = None
    assert logs.ingest(source=source).status == "complete"
    assert recorded(logs).problem is None


def test_a_source_that_gives_nothing_leaves_a_failed_day(logs: LogFolder) -> None:
    result = logs.ingest(source=MemorySource(fault=SourceUnavailable("no route to host")))

    assert (result.status, recorded(logs).status) == ("failed", "failed")


@pytest.mark.parametrize("objects", [[], [MemoryObject("a", [line("one")])]])
def test_a_source_that_can_never_tell_the_rest_leaves_a_partial_day(
    logs: LogFolder, objects: list[MemoryObject]
) -> None:
    result = logs.ingest(source=MemorySource(objects, fault=SourceIncomplete("the proxy has forgotten the morning")))

    assert (result.status, result.is_transient, result.rows) == ("partial", False, len(objects))


def test_a_source_that_refuses_leaves_a_failed_day_that_says_what_to_do(logs: LogFolder) -> None:
    source = MemorySource([MemoryObject("a", [line("one")])], fault=SourceRefused("401: renew the token"))

    result = logs.ingest(source=source)

    assert logs.messages() == ["one"]
    assert (result.status, result.problem, result.is_transient) == ("failed", "401: renew the token", False)


def test_an_object_that_cannot_be_read_stops_no_other(logs: LogFolder) -> None:
    faults = [SourceUnavailable("slow"), OSError("I/O error"), SourceRefused("403")]
    objects = [MemoryObject(f"bad {n}", [line("half")], fault=fault) for n, fault in enumerate(faults)]

    result = logs.ingest(source=MemorySource([*objects, MemoryObject("good", [line("one")])]))

    assert logs.messages() == ["one"]
    assert (result.status, result.problems) == ("partial", ("bad 0: slow", "bad 1: I/O error", "bad 2: 403"))


def test_what_a_problem_says_holds_no_secret_and_is_bounded(logs: LogFolder) -> None:
    secret = "Aa1" * 7
    fault = SourceUnavailable(f"https://user:{secret}@host/ does not answer" + "x" * 10_000)

    result = logs.ingest(source=MemorySource([MemoryObject("a", fault=fault), MemoryObject("b", fault=fault)]))

    assert result.problem is not None
    assert secret not in result.problem
    assert len(result.problem) < 2000


def test_a_damaged_object_keeps_what_can_be_read_and_is_tried_again(logs: LogFolder) -> None:
    damaged = MemoryObject("a", [line("one")], version="v1", fault=DamagedLogObject("cut short"))

    first = logs.ingest(source=MemorySource([damaged]))
    again = logs.ingest(source=MemorySource([damaged]))

    assert (first.status, first.problems, first.written) == ("partial", ("a: cut short",), 1)
    assert (again.status, again.written, damaged.reads) == ("partial", 0, 2)
    whole = logs.ingest(source=MemorySource([MemoryObject("a", [line("one"), line("two")], version="v1")]))
    assert (whole.status, whole.rows) == ("complete", 2)


def test_an_expired_object_is_counted_and_never_asked_for_again(logs: LogFolder) -> None:
    expired = MemoryObject("a", version="v1", fault=LogExpired("410 Gone"))
    source = MemorySource([expired, MemoryObject("b", [line("one")])])

    first, again = logs.ingest(source=source), logs.ingest(source=source)
    logs.ingest(DAY + timedelta(days=1), source=source)

    assert (first.status, first.expired, again.expired, recorded(logs).expired) == ("complete", 1, 1, 1)
    assert expired.reads == 1


def test_the_lines_of_an_object_that_expires_later_stay(logs: LogFolder) -> None:
    logs.ingest(source=MemorySource([MemoryObject("a", [line("one")], version="v1")]))

    result = logs.ingest(source=MemorySource([MemoryObject("a", version="v2", fault=LogExpired("404"))]))

    assert (logs.messages(), result.rows, result.expired) == (["one"], 1, 1)


def test_an_object_of_the_same_version_is_not_read(logs: LogFolder) -> None:
    told = MemoryObject("a", [line("one")], version="v1")
    logs.ingest(source=MemorySource([told]))

    assert logs.ingest(source=MemorySource([told])).skipped_objects == 1
    assert told.reads == 1


def test_an_object_of_another_version_but_the_same_bytes_keeps_its_rows(logs: LogFolder) -> None:
    logs.ingest(source=MemorySource([MemoryObject("a", [line("one"), "broken"], version="v1")]))
    same = MemoryObject("a", [line("one"), "broken"], version="v2")

    result = logs.ingest(source=MemorySource([same]))

    assert (result.skipped_objects, result.written, result.quarantined) == (1, 0, 1)
    assert len(logs.quarantined(result)) == 1
    logs.ingest(source=MemorySource([same]))
    assert same.reads == 1


def test_an_object_that_gets_a_version_later_keeps_its_rows(logs: LogFolder) -> None:
    logs.ingest(source=MemorySource([MemoryObject("a", [line("one")])]))
    same = MemoryObject("a", [line("one")], version="v1")

    results = [logs.ingest(source=MemorySource([same])) for _ in range(3)]

    assert [result.written for result in results] == [0, 0, 0]
    assert same.reads == 1


def test_an_object_that_holds_no_line_of_a_day_is_not_read_for_it_again(logs: LogFolder) -> None:
    lines = [line("one"), line("tomorrow", day=DAY + timedelta(days=1))]
    told = MemoryObject("a", lines, version="v1")
    logs.ingest(source=MemorySource([told]))

    days = [DAY + timedelta(days=n) for n in (-1, 1, 2)]
    results = [logs.ingest(day, source=MemorySource([told])) for day in days]

    assert [result.rows for result in results] == [0, 1, 0]
    assert told.reads == 2


def test_an_object_without_any_time_is_read_for_every_day(logs: LogFolder) -> None:
    told = MemoryObject("a", ["broken"], version="v1")

    results = [logs.ingest(DAY + timedelta(days=n), source=MemorySource([told])) for n in (0, 1)]

    assert [result.quarantined for result in results] == [1, 1]


@pytest.mark.parametrize("name", ["x" * 5000, "nul\x00", "half \ud83d", "日本/" * 900])
def test_an_object_of_any_name_is_ingested_once(logs: LogFolder, name: str) -> None:
    source = MemorySource([MemoryObject(name, [line("one"), "broken"])])

    assert (logs.ingest(source=source).rows, logs.ingest(source=source).skipped_objects) == (1, 1)


def test_a_line_from_the_future_is_broken_until_its_time_has_come(logs: LogFolder) -> None:
    noon = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
    logs.write("a.jsonl", [line("now"), line("skewed", "12:09:59"), line("future", "12:10:01")])

    early = logs.ingest(now=noon)
    assert logs.messages() == ["now", "skewed"]
    [entry] = logs.quarantined(early)
    assert (entry["line"], "in the future" in entry["reason"]) == (3, True)

    late = logs.ingest(now=noon + timedelta(days=1))
    assert (logs.messages(), late.quarantined) == (["future", "now", "skewed"], 0)


def test_broken_lines_of_a_day_that_is_over_are_not_read_again(logs: LogFolder) -> None:
    noon = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
    told = MemoryObject("a", [line("one"), "broken"], version="v1")

    for days in (0, 1, 2, 3):
        logs.ingest(source=MemorySource([told]), now=noon + timedelta(days=days))

    assert told.reads == 2


def test_how_far_ahead_a_line_may_be_is_a_choice(logs: LogFolder) -> None:
    noon = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
    logs.write("a.jsonl", [line("ahead", "12:30:00")])

    assert logs.ingest(now=noon, future=timedelta(hours=1)).rows == 1


def test_lines_of_mixed_zones_belong_to_the_day_of_their_instant(logs: LogFolder) -> None:
    def at(ts: object, message: str) -> str:
        return line(message, ts=ts)

    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    logs.write(
        "a.jsonl",
        [
            at(f"{DAY}T01:30:00+02:00", "the day before"),
            at(f"{DAY}T02:30:00+02:00", "east"),
            at(f"{DAY - timedelta(days=1)}T20:00:00-05:00", "west"),
            at(f"{DAY}T23:30:00-01:00", "the day after"),
            at(f"{DAY}T12:00:00", "no zone"),
            at(int(midnight.timestamp()), "seconds"),
            at(int(midnight.timestamp() * 1000), "milliseconds"),
        ],
    )

    logs.ingest()

    assert logs.messages() == ["east", "milliseconds", "no zone", "seconds", "west"]


def test_the_source_is_asked_for_the_day_and_told_of_lateness(logs: LogFolder) -> None:
    source = MemorySource()

    logs.ingest(source=source, lateness=timedelta(hours=3))

    assert source.windows == [Window.of_day(DAY, lateness=timedelta(hours=3))]


def test_progress_is_told(logs: LogFolder) -> None:
    told: list[tuple[str, int]] = []
    logs.write("a.jsonl", [line("x")] * 60_000)

    logs.ingest(progress=lambda name, lines: told.append((name, lines)))

    assert told
    assert told[0][0] == "a.jsonl"
    assert 50_000 <= told[0][1] <= 60_000


def test_a_full_disk_for_the_quarantine_is_a_problem_of_that_object(logs: LogFolder, tmp_path: Path) -> None:
    (tmp_path / "quarantine").write_text("a file where the folder should be")
    logs.write("a.jsonl", ["broken", line("one")])
    logs.write("b.jsonl", [line("two")])

    result = logs.ingest()

    assert (result.status, logs.messages()) == ("partial", ["two"])
