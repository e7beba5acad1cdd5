"""Versions of a report: published under a guard, one current at all times."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.exc import IntegrityError

from repo_agent_dagster.store import delivery_reports
from repo_agent_dagster.store.delivery_reports import NewReport, StoredReport
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.tables import delivery_reports as table


def _new(order: str = "42", **columns: Any) -> NewReport:
    defaults: dict[str, Any] = {
        "content_digest": "a" * 64,
        "report_md": "# Report",
        "report_json": json.dumps({"orderId": order}),
        "html_path": "/reports/v1.html",
        "success_rate": None,
        "total_patches": 3,
    }
    return NewReport(order_id=order, **defaults | columns)


def _publish(store: Engine, report: NewReport, replaces: StoredReport | None, now: datetime) -> bool:
    with write_transaction(store) as conn:
        return delivery_reports.publish(conn, report, replaces=replaces, now=now)


def _current(store: Engine, order: str = "42") -> StoredReport | None:
    with read_transaction(store) as conn:
        return delivery_reports.current(conn, order)


def test_a_published_report_reads_back_whole(store: Engine, now: datetime) -> None:
    assert _publish(store, _new(success_rate=0.5), None, now)
    stored = _current(store)
    assert stored is not None
    assert (stored.version, stored.current, stored.report_json) == (1, True, {"orderId": "42"})
    assert (stored.success_rate, stored.total_patches, stored.created_at) == (0.5, 3, now)
    with read_transaction(store) as conn:
        assert delivery_reports.version(conn, "42", 1) == stored
        assert delivery_reports.version(conn, "42", 2) is None


def test_an_order_without_a_report_has_no_current_one(store: Engine) -> None:
    assert _current(store) is None


def test_a_writer_that_saw_no_report_loses_to_one_that_published_first(store: Engine, now: datetime) -> None:
    assert _publish(store, _new(), None, now)
    assert not _publish(store, _new(report_md="late"), None, now)
    stored = _current(store)
    assert stored is not None
    assert stored.report_md == "# Report"


def test_a_writer_that_saw_an_older_version_loses(store: Engine, now: datetime) -> None:
    _publish(store, _new(), None, now)
    first = _current(store)
    assert _publish(store, _new(report_md="second"), first, now)
    assert not _publish(store, _new(report_md="late"), first, now)
    stored = _current(store)
    assert stored is not None
    assert (stored.version, stored.report_md) == (2, "second")


def test_the_database_itself_refuses_a_second_current_version(store: Engine, now: datetime) -> None:
    _publish(store, _new(), None, now)
    row = {
        "id": "x",
        "order_id": "42",
        "version": 2,
        "current": True,
        "content_digest": "b" * 64,
        "report_md": "",
        "report_json": {},
        "total_patches": 0,
        "created_at": now,
    }
    with pytest.raises(IntegrityError), write_transaction(store) as conn:
        conn.execute(insert(table), row)


def test_the_listing_has_each_order_s_current_report_newest_first(store: Engine, now: datetime) -> None:
    _publish(store, _new("a"), None, now)
    _publish(store, _new("b"), None, now + timedelta(hours=1))
    _publish(store, _new("a", total_patches=9), _current(store, "a"), now + timedelta(hours=2))
    with read_transaction(store) as conn:
        reports = delivery_reports.listing(conn)
        assert len(delivery_reports.listing(conn, limit=1)) == 1
    assert [(report.order_id, report.version, report.total_patches) for report in reports] == [("a", 2, 9), ("b", 1, 3)]


def test_a_relocated_page_is_found_at_its_new_place(store: Engine, now: datetime) -> None:
    _publish(store, _new(), None, now)
    stored = _current(store)
    assert stored is not None
    with write_transaction(store) as conn:
        delivery_reports.relocate(conn, stored.id, "/elsewhere/v1.html")
    moved = _current(store)
    assert moved is not None
    assert moved.html_path == "/elsewhere/v1.html"
