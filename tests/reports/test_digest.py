"""The weekly digest: one week of all orders beside the week before, kept in versions."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from sqlalchemy import Engine, insert

from repo_agent_dagster.contracts.digests import WeeklyDigest, weekly_digest_schema
from repo_agent_dagster.contracts.reports import PatchCounts
from repo_agent_dagster.reports.digest.charts import digest_charts
from repo_agent_dagster.reports.digest.generate import GeneratedDigest, ensure_digest_page, generate_digest
from repo_agent_dagster.reports.digest.html import render_html
from repo_agent_dagster.reports.digest.markdown import render_markdown
from repo_agent_dagster.reports.digest.wording import change, points
from repo_agent_dagster.store import weekly_digests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.tables import delivery_reports, ops_issues
from tests.chromium import browser
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows, write

WEEK = "2026-W10"
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AFTER = datetime(2026, 3, 9, 6, 0, tzinfo=UTC)
HOSTILE = '<script>alert(1)</script> | `x` @everyone\n# "boo"'
GOLDEN = Path(__file__).parent / "golden" / "weekly-digest.md"


@pytest.fixture
def worked(store: Engine) -> Engine:
    """The week of `_work` on either database."""
    return _work(store)


@pytest.fixture
def made(worked: Engine, tmp_path: Path) -> GeneratedDigest:
    return generate_digest(worked, WEEK, reports_dir=tmp_path, now=AFTER)


@pytest.fixture
def told(sqlite_store: Engine, tmp_path: Path) -> GeneratedDigest:
    """The same, for what does not depend on the database."""
    return generate_digest(_work(sqlite_store), WEEK, reports_dir=tmp_path, now=AFTER)


def _work(store: Engine) -> Engine:
    """A week of five patches of three orders, one of them with a report, and two of the week before."""
    day = timedelta(days=1)
    write(
        store,
        event_rows(MONDAY - 3 * day, VALIDATED, check=True),
        event_rows(MONDAY - 3 * day, FAILED, check=False, error="type error"),
        event_rows(MONDAY, VALIDATED, check=True),
        event_rows(MONDAY, VALIDATED, check=True, requester="agent-b"),
        event_rows(MONDAY + day, VALIDATED, check=True, phase="verify", op="append"),
        event_rows(MONDAY + 2 * day, FAILED, check=False, error=f"{HOSTILE} error", order=HOSTILE, requester=HOSTILE),
        event_rows(MONDAY + 6 * day, APPLIED, order=None, phase=None),
        event_rows(MONDAY + 7 * day, APPLIED),
    )
    _report(store, "42", version=3)
    _issue(store, "opened and resolved", created_at=MONDAY, resolved_at=MONDAY + day)
    _issue(store, f"opened {HOSTILE}", created_at=MONDAY + day, severity=1, gh_issue_url="javascript:alert(1)")
    _issue(store, "older", created_at=MONDAY - 9 * day, resolved_at=MONDAY, gh_issue_url="https://example.com/1")
    _issue(store, "newer", created_at=AFTER)
    return store


def test_a_week_stands_beside_the_week_before(made: GeneratedDigest) -> None:
    digest = made.digest
    assert (digest.totals.total, digest.totals.ok, digest.totals.failed, digest.totals.unchecked) == (5, 3, 1, 1)
    assert (digest.before.total, digest.before.success_rate) == (2, 0.5)
    assert (len(digest.daily), digest.is_over) == (7, True)
    assert [(row.factory, row.counts.total, row.before.total) for row in digest.factories] == [
        ("agent-a", 3, 2),
        (HOSTILE, 1, 0),
        ("agent-b", 1, 0),
    ]
    assert [(row.phase, row.counts.total, row.before.total) for row in digest.phases] == [
        ("implement", 3, 2),
        (None, 1, 0),
        ("verify", 1, 0),
    ]
    assert [row.now.patches for row in digest.latency] == [5, 3, 3]


def test_orders_lead_to_their_reports(told: GeneratedDigest) -> None:
    orders = {row.order_id: row for row in told.digest.orders}
    assert set(orders) == {"42", HOSTILE, "unattributed"}
    assert orders["42"].report_version == 3
    page = orders["42"].report_page
    assert page is not None
    assert re.fullmatch(r"42-[0-9a-f]{12}/v3\.html", page)
    assert f'href="../{page}"' in told.html_path.read_text()
    assert orders["unattributed"].report_page is None


def test_ops_issues_are_those_opened_and_resolved_in_the_week(made: GeneratedDigest) -> None:
    ops = made.digest.ops_issues
    assert [issue.title for issue in ops.opened] == [f"opened {HOSTILE}", "opened and resolved"]
    assert [issue.title for issue in ops.resolved] == ["older", "opened and resolved"]
    assert (ops.opened_total, ops.resolved_total) == (2, 2)


def test_an_unchanged_week_makes_no_version(worked: Engine, made: GeneratedDigest, tmp_path: Path) -> None:
    _report(worked, "42", version=4)
    again = generate_digest(worked, WEEK, reports_dir=tmp_path, now=AFTER + timedelta(days=1))
    assert (made.version, made.is_new, again.version, again.is_new) == (1, True, 1, False)
    assert (again.digest, again.markdown) == (made.digest, made.markdown)


def test_a_late_event_makes_a_version_and_keeps_the_old_one(
    worked: Engine, made: GeneratedDigest, tmp_path: Path
) -> None:
    write(worked, event_rows(MONDAY, VALIDATED, check=True))
    again = generate_digest(worked, WEEK, reports_dir=tmp_path, now=AFTER)
    assert (again.version, again.is_new, again.digest.totals.total) == (2, True, 6)
    with read_transaction(worked) as conn:
        old, current = (weekly_digests.version(conn, WEEK, number) for number in (1, 2))
        [listed] = weekly_digests.listing(conn)
    assert old is not None
    assert current is not None
    assert (old.current, current.current, listed.version) == (False, True, 2)
    assert WeeklyDigest.model_validate(old.report_json) == made.digest
    assert made.html_path.exists()


def test_of_two_writers_one_makes_the_version(worked: Engine, made: GeneratedDigest, tmp_path: Path) -> None:
    with read_transaction(worked) as conn:
        current = weekly_digests.current(conn, WEEK)
    assert current is not None
    new = weekly_digests.NewDigest(WEEK, "d", "", {}, "")
    with write_transaction(worked) as conn:
        assert weekly_digests.publish(conn, new, replaces=current, now=AFTER)
        assert not weekly_digests.publish(conn, new, replaces=current, now=AFTER)
        assert not weekly_digests.publish(conn, new, replaces=None, now=AFTER)


def test_a_page_that_was_deleted_is_written_again_as_it_was(
    worked: Engine, made: GeneratedDigest, tmp_path: Path
) -> None:
    text = made.html_path.read_text()
    made.html_path.unlink()
    with read_transaction(worked) as conn:
        stored = weekly_digests.current(conn, WEEK)
    assert stored is not None
    assert ensure_digest_page(worked, stored, reports_dir=tmp_path).read_text() == text
    moved = ensure_digest_page(worked, stored, reports_dir=tmp_path / "moved")
    with read_transaction(worked) as conn:
        found = weekly_digests.current(conn, WEEK)
    assert found is not None
    assert (moved.read_text(), found.html_path) == (text, str(moved))


def test_a_week_that_is_not_over_says_so(worked: Engine, tmp_path: Path) -> None:
    early = generate_digest(worked, WEEK, reports_dir=tmp_path, now=MONDAY + timedelta(days=1))
    assert not early.digest.is_over
    assert "before the week was over" in early.markdown
    assert "before the week was over" in early.html_path.read_text()


def test_an_empty_week_is_a_digest_too(sqlite_store: Engine, tmp_path: Path) -> None:
    made = generate_digest(sqlite_store, "2025-W01", reports_dir=tmp_path, now=AFTER)
    assert "No patches this week." in made.markdown
    assert "No patches this week." in made.html_path.read_text()


def test_nothing_from_patches_or_issues_becomes_markup(told: GeneratedDigest) -> None:
    page = told.html_path.read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'href="javascript:' not in page
    assert 'href="https://example.com/1"' in page
    shown = MarkdownIt("gfm-like", {"linkify": False}).render(told.markdown)
    assert "<script" not in shown
    assert "@everyone" not in re.sub(r"<code>.*?</code>", "", shown)
    assert re.findall(r"<h1>(.*?)</h1>", shown) == ["Weekly digest: 2026-W10"]


def test_the_page_asks_for_nothing(told: GeneratedDigest) -> None:
    page = told.html_path.read_text()
    assert "default-src 'none'" in unescape(page)
    assert not re.search(r"<(link|img|iframe|script)[^>]*\b(src|href)=", page)


@pytest.mark.browser
def test_the_charts_are_drawn_and_nothing_is_fetched(told: GeneratedDigest) -> None:
    with browser() as chromium:
        page = chromium.page()
        page.open(told.html_path)
        page.wait("document.querySelectorAll('figure.drawn svg').length === 3")
        page.run("document.querySelector('#factories th:nth-child(2) button').click()")
        sorted_by_patches = page.run("document.querySelector('#factories tbody tr').cells[1].textContent")
        assert (sorted_by_patches, page.complaints) == ("3", [])
        assert [address.rpartition("/")[2] for address in page.requests] == [told.html_path.name]


def test_pictures_are_named_where_they_lie(told: GeneratedDigest) -> None:
    text = render_markdown(told.digest, charts_at="charts")
    assert re.findall(r"!\[.*?\]\((.*?)\)", text) == [f"charts/{name}.svg" for name in digest_charts(told.digest)]
    assert list(digest_charts(told.digest)) == ["days", "operations", "factories"]


def test_every_why_leads_to_a_rule(told: GeneratedDigest) -> None:
    page = told.html_path.read_text()
    assert set(re.findall(r'href="#(why-[a-z-]+)"', page)) <= set(re.findall(r'id="(why-[a-z-]+)"', page))


def test_the_json_fits_its_schema_and_comes_back_whole(told: GeneratedDigest) -> None:
    document = told.digest.model_dump(mode="json", by_alias=True)
    assert WeeklyDigest.model_validate(json.loads(json.dumps(document))) == told.digest
    assert set(document) == set(weekly_digest_schema()["properties"])
    assert document["schemaVersion"] == 1


def test_the_markdown_is_as_agreed(sqlite_store: Engine, tmp_path: Path) -> None:
    day = timedelta(days=1)
    write(
        sqlite_store,
        event_rows(MONDAY - 3 * day, VALIDATED, check=True),
        event_rows(MONDAY - 3 * day, FAILED, check=False, error="type error"),
        *(event_rows(MONDAY + number * day, VALIDATED, check=True, order="vat-42") for number in range(3)),
        event_rows(MONDAY + 3 * day, FAILED, check=False, error="src/a.py:3: TS2322: Type 'a' | 'b'", requester="bot"),
        event_rows(MONDAY + 6 * day, APPLIED, order=None, phase=None),
    )
    _report(sqlite_store, "vat-42", version=2)
    _issue(sqlite_store, "checkout-api: TimeoutError in <pay>", created_at=MONDAY, severity=2)
    made = generate_digest(sqlite_store, WEEK, reports_dir=tmp_path, now=AFTER)
    assert made.markdown == GOLDEN.read_text()


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [(12, 10, "+2 (+20 %)"), (0, 3, "−3 (−100 %)"), (5, 5, "±0"), (5, 0, "+5"), (2000, 1, "+1,999 (+199,900 %)")],
)
def test_a_change_tells_its_share_where_there_was_something(now: int, before: int, told: str) -> None:
    assert change(now, before) == told


def test_rates_change_in_points() -> None:
    half, all_ok, none = (PatchCounts(success_rate=rate) for rate in (0.5, 1.0, None))
    assert (points(all_ok, half), points(half, all_ok), points(half, half)) == (
        "+50.0 points",
        "−50.0 points",
        "±0 points",
    )
    assert points(none, half) == "–"


def test_the_page_is_made_from_the_digest_alone(told: GeneratedDigest, tmp_path: Path) -> None:
    assert render_html(told.digest, version=1, cache=tmp_path) == told.html_path.read_text()
    assert render_markdown(told.digest) == told.markdown


def _report(store: Engine, order_id: str, *, version: int) -> None:
    row = {
        "id": new_id(),
        "order_id": order_id,
        "version": version,
        "current": True,
        "content_digest": "",
        "report_md": "",
        "report_json": "{}",
        "total_patches": 0,
        "created_at": AFTER,
    }
    with write_transaction(store) as conn:
        conn.execute(delivery_reports.update().values(current=False))
        conn.execute(insert(delivery_reports), row)


def _issue(store: Engine, title: str, *, created_at: datetime, severity: int = 3, **columns: object) -> None:
    row = {
        "id": new_id(),
        "kind": "worker_error",
        "severity": severity,
        "severity_reasons": [],
        "status": "resolved" if columns.get("resolved_at") else "open",
        "title": title,
        "fingerprint": new_id(),
        "occurrences": 1,
        "first_seen": created_at,
        "last_seen": created_at,
        "created_at": created_at,
    }
    with write_transaction(store) as conn:
        conn.execute(insert(ops_issues), row | columns)
