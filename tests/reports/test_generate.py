"""Reports are made when facts changed, once, whoever else is making them; old versions stay."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select, update

from repo_agent_dagster.contracts.goals import Verdict
from repo_agent_dagster.reports import GeneratedReport, GeneratedReports
from repo_agent_dagster.reports.files import page_path
from repo_agent_dagster.reports.generate import UnknownOrderError, generate, generate_changed
from repo_agent_dagster.reports.page_files import ensure_page
from repo_agent_dagster.store import ai_logs, approvals, custody_verdicts, delivery_reports
from repo_agent_dagster.store.ai_logs import AiCall
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.tables import delivery_reports as table
from repo_agent_dagster.store.tables import patch_events, task_requests
from tests.reports.builder import (
    APPLIED,
    VALIDATED,
    add_issue,
    add_migration,
    event_rows,
    write,
    write_migration,
    write_task,
)
from tests.reports.sample import sample_patches, write_sample_diffs


def _versions(store: Engine, order: str = "42") -> list[tuple[int, bool]]:
    with read_transaction(store) as conn:
        rows = conn.execute(
            select(table.c.version, table.c.current).where(table.c.order_id == order).order_by(table.c.version)
        )
        return [(version, current) for version, current in rows]


def test_unchanged_facts_make_no_new_version(store: Engine, tmp_path: Path, now: datetime) -> None:
    write(store, event_rows(now, VALIDATED, check=True))
    first = generate(store, "42", reports_dir=tmp_path, now=now)
    page = first.html_path.read_bytes()

    again = generate(store, "42", reports_dir=tmp_path, now=now + timedelta(hours=1))

    assert (first.version, first.is_new) == (1, True)
    assert (again.version, again.is_new, again.html_path) == (1, False, first.html_path)
    assert again.report == first.report
    assert again.html_path.read_bytes() == page
    assert _versions(store) == [(1, True)]


def test_changed_facts_make_a_new_version_and_keep_the_old(store: Engine, tmp_path: Path, now: datetime) -> None:
    write(store, event_rows(now, VALIDATED, check=True))
    old = generate(store, "42", reports_dir=tmp_path, now=now)
    write(store, event_rows(now, APPLIED))

    new = generate(store, "42", reports_dir=tmp_path, now=now)

    assert (new.version, new.is_new) == (2, True)
    assert _versions(store) == [(1, False), (2, True)]
    assert old.html_path.exists()
    assert new.html_path.exists()
    with read_transaction(store) as conn:
        current = delivery_reports.current(conn, "42")
        kept = delivery_reports.version(conn, "42", 1)
    assert current is not None
    assert kept is not None
    assert (current.version, current.total_patches, current.html_path) == (2, 2, str(new.html_path))
    assert (kept.total_patches, kept.success_rate) == (1, 1.0)


def test_a_task_that_goes_on_changes_its_order_s_report(store: Engine, tmp_path: Path, now: datetime) -> None:
    write_task(store, now, status="running", ended_at=None)
    assert generate(store, "42", reports_dir=tmp_path, now=now).is_new
    write_migration(store, now)
    report = generate(store, "42", reports_dir=tmp_path, now=now)
    assert report.version == 2
    assert [migration.unit for migration in report.report.migrations] == ["feedback-worker"]


def test_a_missing_page_is_written_again_from_the_stored_report(store: Engine, tmp_path: Path, now: datetime) -> None:
    write(store, event_rows(now))
    first = generate(store, "42", reports_dir=tmp_path, now=now)
    page = first.html_path.read_bytes()
    first.html_path.unlink()

    again = generate(store, "42", reports_dir=tmp_path, now=now + timedelta(days=1))

    assert not again.is_new
    assert again.html_path.read_bytes() == page


def test_a_moved_folder_of_reports_is_followed(store: Engine, tmp_path: Path, now: datetime) -> None:
    write(store, event_rows(now))
    generate(store, "42", reports_dir=tmp_path / "old", now=now)
    moved = generate(store, "42", reports_dir=tmp_path / "new", now=now)
    assert (moved.version, moved.is_new) == (1, False)
    assert moved.html_path.is_relative_to(tmp_path / "new")
    with read_transaction(store) as conn:
        stored = delivery_reports.current(conn, "42")
    assert stored is not None
    assert stored.html_path == str(moved.html_path)
    assert ensure_page(store, stored, reports_dir=tmp_path / "new") == moved.html_path


def test_an_edited_event_shows_as_a_broken_chain(store: Engine, tmp_path: Path, now: datetime) -> None:
    write(store, event_rows(now, VALIDATED, check=False))
    assert generate(store, "42", reports_dir=tmp_path, now=now).report.custody[0].intact

    with write_transaction(store) as conn:
        conn.execute(update(patch_events).where(patch_events.c.event == "patch_validated").values(ts_check_ok=True))

    forged = generate(store, "42", reports_dir=tmp_path, now=now)
    assert forged.version == 2
    assert not forged.report.custody[0].intact
    assert "is not what custody row 3 tells" in (forged.report.custody[0].problem or "")
    assert "The custody chain is broken" in forged.html_path.read_text(encoding="utf-8")


def test_every_order_is_reported_and_none_is_lost(store: Engine, tmp_path: Path, now: datetime) -> None:
    write(
        store,
        event_rows(now, order="b"),
        event_rows(now, order=None),
        event_rows(now, order=""),
        event_rows(now, order="unattributed"),
        event_rows(now, order="a"),
    )
    done = generate_changed(store, reports_dir=tmp_path, now=now)
    assert [(made.order_id, made.version, made.is_new) for made in done.made] == [
        ("a", 1, True),
        ("b", 1, True),
        ("unattributed", 1, True),
    ]
    with read_transaction(store) as conn:
        unattributed = delivery_reports.current(conn, "unattributed")
    assert unattributed is not None
    assert unattributed.total_patches == 3


def _changed(store: Engine, folder: Path, now: datetime) -> list[tuple[str, int]]:
    return [(made.order_id, made.version) for made in generate_changed(store, reports_dir=folder, now=now).made]


def test_of_an_order_that_did_not_change_nothing_is_read(store: Engine, tmp_path: Path, now: datetime) -> None:
    write(store, event_rows(now, order="a"), event_rows(now, order="b"))
    first = generate_changed(store, reports_dir=tmp_path, now=now)
    again = generate_changed(store, reports_dir=tmp_path, now=now + timedelta(hours=1))
    write(store, event_rows(now, order="b"))
    last = generate_changed(store, reports_dir=tmp_path, now=now + timedelta(hours=2))
    told = [(done.orders, done.read, len(done.made)) for done in (first, again, last)]
    assert told == [(2, 2, 2), (2, 0, 0), (2, 1, 1)]
    assert [(made.order_id, made.version) for made in last.made] == [("b", 2)]


def test_everything_that_a_report_tells_of_makes_its_order_a_changed_one(
    store: Engine, tmp_path: Path, now: datetime
) -> None:
    write(store, event_rows(now))
    assert _changed(store, tmp_path, now) == [("42", 1)]
    task = write_task(store, now, status="running", dagster_run_id="run-1", ended_at=None)

    def call_a_model(conn: Connection) -> None:
        ai_logs.append(conn, AiCall(now, "a", "openai", "large", task_request_id=task))

    def open_issue(conn: Connection) -> None:
        add_issue(conn, now, run_id="run-1")

    def end_task(conn: Connection) -> None:
        conn.execute(update(task_requests).where(task_requests.c.id == task).values(status="success", ended_at=now))

    def wait_for_approval(conn: Connection) -> None:
        gate = approvals.request(conn, subject="unit into root", payload={}, now=now)
        add_migration(conn, now, approval_id=gate.id)

    def approve(conn: Connection) -> None:
        [gate] = approvals.pending(conn)
        approvals.decide(conn, gate.id, Verdict.APPROVED, by="maria", now=now)

    def close_issue(conn: Connection) -> None:
        add_issue(conn, now, status="resolved", order_id="42", resolved_at=now)

    assert _changed(store, tmp_path, now) == [("42", 2)], "the task"
    steps = (call_a_model, open_issue, end_task, wait_for_approval, approve, close_issue)
    for version, step in enumerate(steps, start=3):
        with write_transaction(store) as conn:
            step(conn)
        assert _changed(store, tmp_path, now) == [("42", version)], step.__name__
    assert _changed(store, tmp_path, now) == []


def test_a_change_that_a_report_does_not_tell_makes_no_version_and_is_not_read_again(
    store: Engine, tmp_path: Path, now: datetime
) -> None:
    write_task(store, now)
    assert _changed(store, tmp_path, now) == [("42", 1)]
    # A revert is told by the events of what it takes back, of which there are none here.
    write(store, event_rows(now, op="revert"))
    reads = [generate_changed(store, reports_dir=tmp_path, now=now) for _ in range(2)]
    assert [(done.read, len(done.made)) for done in reads] == [(1, 0), (0, 0)]


def test_a_task_that_only_events_name_changes_their_order_s_report(
    store: Engine, tmp_path: Path, now: datetime
) -> None:
    task = write_task(store, now, order_id=None, status="running", ended_at=None)
    write(store, event_rows(now, order=None, task_id=task))
    assert _changed(store, tmp_path, now) == [("unattributed", 1)]
    with write_transaction(store) as conn:
        conn.execute(update(task_requests).where(task_requests.c.id == task).values(status="failed", ended_at=now))
    assert _changed(store, tmp_path, now) == [("unattributed", 2)]


def test_an_edited_event_shows_in_every_order_of_its_workspace_once_it_is_found(
    store: Engine, tmp_path: Path, now: datetime
) -> None:
    write(store, event_rows(now, order="a"), event_rows(now, order="b"), event_rows(now, order="c", workspace="/other"))
    generate_changed(store, reports_dir=tmp_path, now=now)
    with write_transaction(store) as conn:
        conn.execute(update(patch_events).where(patch_events.c.order_id == "a").values(requester="somebody-else"))

    assert _changed(store, tmp_path, now) == [], "what was verified is not verified again"
    custody_verdicts.verify_whole(store, "/srv/shop", now=now)

    assert _changed(store, tmp_path, now) == [("a", 2), ("b", 2)]
    with read_transaction(store) as conn:
        report = delivery_reports.current(conn, "b")
    assert report is not None
    assert "is not what custody row 1 tells" in report.report_json["custody"][0]["problem"]


def test_a_page_that_a_crash_left_unwritten_is_written_by_the_next_run(
    store: Engine, tmp_path: Path, now: datetime
) -> None:
    write(store, event_rows(now))
    generate_changed(store, reports_dir=tmp_path, now=now)
    page = tmp_path / page_path("42", 1)
    content = page.read_bytes()
    page.unlink()
    done = generate_changed(store, reports_dir=tmp_path, now=now + timedelta(days=1))
    assert (done.read, done.mended) == (0, 1)
    assert page.read_bytes() == content


def test_a_report_of_the_older_form_is_shown_as_it_is_and_made_anew(
    sqlite_store: Engine, tmp_path: Path, now: datetime
) -> None:
    write(sqlite_store, event_rows(now))
    generate(sqlite_store, "42", reports_dir=tmp_path, now=now)
    with write_transaction(sqlite_store) as conn:
        stored = delivery_reports.current(conn, "42")
        assert stored is not None
        added = ("latency", "timeline", "factories", "checks", "approvals", "ai")
        old = {key: value for key, value in stored.report_json.items() if key not in added}
        old |= {"schemaVersion": 1, "opsIssues": 0, "sources": [{"number": "Patches", "source": "Distinct patch_id."}]}
        conn.execute(update(table).values(report_json=old, content_digest="0" * 64, facts_mark=None))
    page = tmp_path / page_path("42", 1)
    page.unlink()

    assert _changed(sqlite_store, tmp_path, now) == [("42", 2)]
    with read_transaction(sqlite_store) as conn:
        first = delivery_reports.version(conn, "42", 1)
    assert first is not None
    assert first.report_json["schemaVersion"] == 1
    assert ensure_page(sqlite_store, first, reports_dir=tmp_path) == page
    assert page.exists()


def test_progress_is_told(sqlite_store: Engine, tmp_path: Path, now: datetime) -> None:
    write(sqlite_store, *(event_rows(now, order=f"{number:02}") for number in range(25)))
    told: list[str] = []
    generate_changed(sqlite_store, reports_dir=tmp_path, now=now, say=told.append)
    assert told == ["20 of 25 orders read, 20 new versions", "25 of 25 orders read, 25 new versions"]


def test_two_runs_at_once_make_each_version_once(store: Engine, tmp_path: Path, now: datetime) -> None:
    orders = [f"{number:02}" for number in range(30)]
    write(store, *(event_rows(now, order=order) for order in orders))
    start = Barrier(2)

    def work(_: int) -> GeneratedReports:
        start.wait()
        return generate_changed(store, reports_dir=tmp_path, now=now)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(work, range(2))

    assert sorted(made.order_id for made in (*one.made, *other.made)) == orders
    with read_transaction(store) as conn:
        assert delivery_reports.current_versions(conn) == dict.fromkeys(orders, 1)


def test_an_unknown_order_is_refused(store: Engine, tmp_path: Path, now: datetime) -> None:
    with pytest.raises(UnknownOrderError, match="order 'nope' has no patch events"):
        generate(store, "nope", reports_dir=tmp_path, now=now)
    assert list(tmp_path.glob("**/*.html")) == []


@pytest.mark.parametrize("has_version", [False, True])
def test_writers_at_once_make_one_version(store: Engine, tmp_path: Path, now: datetime, has_version: bool) -> None:
    writers = 4
    write(store, event_rows(now))
    if has_version:
        generate(store, "42", reports_dir=tmp_path, now=now)
        write(store, event_rows(now))
    start = Barrier(writers)

    def work(_: int) -> GeneratedReport:
        start.wait()
        return generate(store, "42", reports_dir=tmp_path, now=now)

    with ThreadPoolExecutor(writers) as pool:
        made = list(pool.map(work, range(writers)))

    assert sum(report.is_new for report in made) == 1
    assert {report.version for report in made} == {2 if has_version else 1}
    assert _versions(store) == ([(1, False), (2, True)] if has_version else [(1, True)])


def test_writers_and_new_facts_at_once_end_with_the_newest_facts(store: Engine, tmp_path: Path, now: datetime) -> None:
    rounds, writers = 6, 3
    write(store, event_rows(now))

    def report(_: int) -> None:
        for _ in range(rounds):
            write(store, event_rows(now))
            generate(store, "42", reports_dir=tmp_path, now=now)

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(report, range(writers)))

    versions = _versions(store)
    assert [number for number, _ in versions] == list(range(1, len(versions) + 1))
    assert [current for _, current in versions] == [False] * (len(versions) - 1) + [True]
    with read_transaction(store) as conn:
        totals = [delivery_reports.version(conn, "42", number) for number, _ in versions]
    stored_reports = [stored for stored in totals if stored is not None]
    assert all(stored.report_json["custody"][0]["intact"] for stored in stored_reports), "appending looked like a break"
    counts = [stored.total_patches for stored in stored_reports]
    assert counts == sorted(counts), "an older state of the facts must never follow a newer one"
    assert counts[-1] == 1 + rounds * writers


def test_lines_are_counted_in_the_diffs_where_events_do_not_say(
    sqlite_store: Engine, tmp_path: Path, now: datetime
) -> None:
    workspace = tmp_path / "shop"
    write_sample_diffs(workspace)
    write(sqlite_store, *sample_patches(now, workspace=str(workspace)))
    made = generate(sqlite_store, "42", reports_dir=tmp_path / "reports", now=now)
    lines = {file.path: (file.added, file.removed) for file in made.report.files}
    assert lines["src/billing/invoice.py"] == (1, 1)
    assert lines["tests/test_rounding.py"] == (2, 0)
    assert "round_vat(sum(lines))" in made.html_path.read_text(encoding="utf-8")


def test_counts_in_the_events_need_no_diff(sqlite_store: Engine, tmp_path: Path, now: datetime) -> None:
    write(sqlite_store, event_rows(now, meta={"added": 7, "removed": 2}))
    made = generate(sqlite_store, "42", reports_dir=tmp_path, now=now)
    assert (made.report.files[0].added, made.report.files[0].removed) == (7, 2)


@given(st.lists(st.text(max_size=200), min_size=2, max_size=2, unique=True))
def test_any_two_order_ids_have_different_pages_inside_the_folder(orders: list[str]) -> None:
    one, other = (page_path(order, 1) for order in orders)
    assert one.casefold() != other.casefold()
    for path in (one, other):
        folder, name = path.split("/")
        assert name == "v1.html"
        assert set(folder) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
        assert len(folder) < 80


@pytest.mark.parametrize("order", ["../../etc/passwd", "..", "/abs", "a\\b", "CON", "x" * 200, "naïve order €"])
def test_a_hostile_order_id_stays_in_the_folder(
    sqlite_store: Engine, tmp_path: Path, now: datetime, order: str
) -> None:
    write(sqlite_store, event_rows(now, order=order))
    made = generate(sqlite_store, order, reports_dir=tmp_path / "reports", now=now)
    assert made.html_path.resolve().is_relative_to((tmp_path / "reports").resolve())


def test_an_order_whose_page_cannot_be_written_does_not_stop_the_others(
    store: Engine, tmp_path: Path, now: datetime
) -> None:
    write(store, event_rows(now, order="1"), event_rows(now, order="2"))
    in_the_way = tmp_path / page_path("1", 1)
    in_the_way.parent.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.parent.write_text("a file where a folder should be")

    first = generate_changed(store, reports_dir=tmp_path, now=now)

    assert {version.order_id for version in first.made} == {"1", "2"}
    (problem,) = first.problems
    assert problem.startswith("order '1': its page")
    in_the_way.parent.unlink()
    again = generate_changed(store, reports_dir=tmp_path, now=now)
    assert (again.made, again.mended, again.problems) == ((), 1, ())


def test_an_order_that_cannot_be_read_does_not_stop_the_others(store: Engine, tmp_path: Path, now: datetime) -> None:
    write(store, event_rows(now, order="1"), event_rows(now, order="2"))
    broken = write_task(store, now, order_id="1")
    with write_transaction(store) as conn:
        conn.exec_driver_sql(f"UPDATE task_requests SET pathway = 'a pathway of the future' WHERE id = '{broken}'")

    done = generate_changed(store, reports_dir=tmp_path, now=now)

    assert "2" in {version.order_id for version in done.made}
