"""What is delivered twice counts once: the same bytes under two names, the same record by its provider's id."""

from datetime import timedelta

from sqlalchemy import Engine, select

from repo_agent_dagster.store.build_jobs import job_of, lines_of
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.tables import log_ingestions
from tests.ops.conftest import DAY, LogFolder, build_line, line
from tests.ops.ingestion.memory_source import MemoryObject, MemorySource
from tests.ops.ingestion.test_build_jobs import job, job_line


def states(engine: Engine) -> dict[str, tuple[str, int]]:
    with engine.connect() as connection:
        rows = connection.execute(
            select(log_ingestions.c.object_name, log_ingestions.c.status, log_ingestions.c.rows)
        ).all()
    return {name: (status, count) for name, status, count in rows}


def test_a_file_that_is_delivered_again_under_another_name_adds_nothing(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("one"), line("one"), "broken"])
    logs.ingest()
    logs.write("b.jsonl", [line("one"), line("one"), "broken"])

    result = logs.ingest()

    assert logs.messages() == ["one", "one"]
    assert (result.objects, result.rows, result.quarantined, len(result.quarantine_paths)) == (2, 2, 1, 1)
    assert states(logs.engine) == {"a.jsonl": ("complete", 2), "b.jsonl": ("duplicate", 0)}
    assert logs.ingest().skipped_objects == 2


def test_the_same_bytes_on_two_days_are_no_duplicate(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("one"), line("two", day=DAY + timedelta(days=1))])
    logs.ingest()
    logs.ingest(DAY + timedelta(days=1))

    assert logs.messages() == ["one", "two"]


def test_a_copy_takes_the_lines_over_when_the_original_changes(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("one"), "broken"])
    logs.write("b.jsonl", [line("one"), "broken"])
    logs.ingest()
    logs.write("a.jsonl", [line("new")])

    result = logs.ingest()

    assert logs.messages() == ["new", "one"]
    assert states(logs.engine) == {"a.jsonl": ("complete", 1), "b.jsonl": ("complete", 1)}
    assert [entry["text"] for entry in logs.quarantined(result)] == ["broken"]


def test_a_copy_that_is_gone_from_the_source_takes_the_lines_over_as_well(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("one")])
    copy = logs.write("b.jsonl", [line("one")])
    logs.ingest()
    copy.unlink()
    logs.write("a.jsonl", [line("one"), line("two")])

    logs.ingest()

    assert logs.messages() == ["one", "one", "two"]


def test_a_copy_that_becomes_an_object_of_its_own_has_its_lines(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("one")])
    logs.write("b.jsonl", [line("one")])
    logs.ingest()
    logs.write("b.jsonl", [line("one"), line("two")])

    logs.ingest()

    assert logs.messages() == ["one", "one", "two"]


def test_a_record_that_comes_again_with_its_id_counts_once(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("one", id="r1"), line("one", id="r1"), line("two", id="r2")])
    logs.write("b.jsonl", [line("two", id="r2"), line("three", id="r3"), line("three"), line("three")])

    result = logs.ingest()

    assert logs.messages() == ["one", "three", "three", "three", "two"]
    assert (result.rows, result.duplicates) == (5, 2)
    assert (logs.ingest().rows, logs.ingest().duplicates) == (5, 2)


def test_an_id_that_is_not_the_records_own_costs_no_line(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("login", id=7), line("logout", id=7), line("login", "13:00:00", id=7)])

    assert (logs.ingest().rows, len(logs.messages())) == (3, 3)


def test_a_record_stays_when_the_object_that_brought_it_first_no_longer_holds_it(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("later"), line("zero", id="r0")])
    logs.write("b.jsonl", [line("one", id="r1"), line("two", id="r2")])
    logs.write("a.jsonl", [line("one", id="r1"), line("zero", id="r0")])
    logs.ingest()
    assert logs.messages() == ["one", "two", "zero"]
    logs.write("a.jsonl", [line("zero", id="r0")])

    logs.ingest()

    assert logs.messages() == ["one", "two", "zero"]


def test_that_holds_also_for_an_object_that_stands_before_the_changed_one(logs: LogFolder) -> None:
    logs.write("b.jsonl", [line("one", id="r1"), line("more", id="r9")])
    logs.ingest()
    logs.write("a.jsonl", [line("one", id="r1"), line("two", id="r2")])
    logs.ingest()
    logs.write("b.jsonl", [line("more", id="r9")])

    logs.ingest()

    assert logs.messages() == ["more", "one", "two"]


def test_a_job_goes_with_its_lines_to_the_copy(builds: LogFolder) -> None:
    meta = {"job": "test", "conclusion": "failure"}
    builds.write("a.jsonl", [build_line("boom", meta=meta)])
    builds.write("b.jsonl", [build_line("boom", meta=meta)])
    builds.ingest()
    builds.write("a.jsonl", [build_line("of another build")])

    builds.ingest()

    with read_transaction(builds.engine) as connection:
        found = job_of(connection, "test-build", "org/web", "7", 1, "test")
        assert found is not None
        assert [record.message for record in lines_of(connection, found)] == ["boom"]


def test_builds_of_the_same_text_are_each_kept(builds: LogFolder) -> None:
    source = MemorySource(
        [MemoryObject(f"jobs/{n}", [job_line("boom")], job=job(job_id=str(n))) for n in (1, 2)], kind="build"
    )

    builds.ingest(source=source)

    assert builds.messages() == ["boom", "boom"]
