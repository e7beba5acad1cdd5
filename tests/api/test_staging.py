"""The STAGING units over HTTP: one row for a unit and a target root, and the page."""

from dataclasses import fields
from datetime import datetime, timedelta

import httpx2
from sqlalchemy import Engine

from repo_agent_dagster.api.messages import StepView, UnitView
from repo_agent_dagster.migration.reporting.unit_states import StepState, UnitState
from repo_agent_dagster.store import staging_migrations
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.staging_migrations import StagingStatus


def migrated(engine: Engine, now: datetime, unit: str = "shop", digest: str = "a" * 64) -> None:
    with write_transaction(engine) as conn:
        row = staging_migrations.upsert_seen(conn, unit, digest, "/repo", now=now)
        staging_migrations.set_status(
            conn,
            row.id,
            StagingStatus.PLANNED,
            now=now,
            summary={"destination": "apps/shop", "counts": {"create": 3}},
            steps=[{"step": "plan", "status": "done", "seconds": 0.25, "detail": None}],
        )


def test_a_unit_is_told_once_with_its_newest_content(client: httpx2.Client, engine: Engine, now: datetime) -> None:
    migrated(engine, now)
    migrated(engine, now + timedelta(hours=1), digest="b" * 64)
    (unit,) = client.get("/api/v1/staging").json()
    known = {name: value for name, value in unit.items() if value is not None}
    assert known == {
        **{"unit": "shop", "state": "planned", "targetRoot": "/repo", "digest": "b" * 64, "earlier": 1},
        **{"destination": "apps/shop", "files": 3, "updatedAt": "2026-03-04T10:30:00Z"},
        "createdAt": "2026-03-04T10:30:00Z",
        "steps": [{"step": "plan", "status": "done", "seconds": 0.25, "detail": None}],
    }


def test_one_unit_can_be_asked_for(client: httpx2.Client, engine: Engine, now: datetime) -> None:
    for unit in ("shop", "blog"):
        migrated(engine, now, unit)
    assert [one["unit"] for one in client.get("/api/v1/staging").json()] == ["blog", "shop"]
    assert [one["unit"] for one in client.get("/api/v1/staging?unit=shop").json()] == ["shop"]
    assert client.get("/api/v1/staging?unit=nobody").json() == []


def test_everything_that_is_known_of_a_unit_is_told() -> None:
    for view, state in ((UnitView, UnitState), (StepView, StepState)):
        assert set(view.model_fields) == {field.name for field in fields(state)}


def test_the_page_shows_the_units_and_may_not_be_framed(client: httpx2.Client, engine: Engine, now: datetime) -> None:
    migrated(engine, now, unit="shop")
    page = client.get("/staging")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-frame-options"] == "DENY"
    assert "shop" in page.text
    assert "apps/shop" in page.text
