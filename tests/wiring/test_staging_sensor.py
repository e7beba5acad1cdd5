"""The STAGING sensor: settled units only, each content once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.tasks import Pathway
from repo_agent_dagster.store import staging_migrations, task_requests
from repo_agent_dagster.store.engine import read_transaction
from sensors.staging import staging_sensor
from tests.wiring.deployment import Deployment


def drop(deployment: Deployment, name: str, text: str = "export const a = 1;\n") -> Path:
    unit = deployment.settings.staging / name
    unit.mkdir(exist_ok=True)
    (unit / "a.ts").write_text(text)
    (unit / "migration-manifest.yaml").write_text(
        f"unit: {name}\ndestination: apps/{name}\norder: {{id: order-{name}}}\n"
    )
    return unit


def pass_time(deployment: Deployment, seconds: float) -> None:
    # Change times come from the file system and cannot be set, so here the clock starts from the machine's.
    deployment.set_clock(datetime.now(UTC) + timedelta(seconds=seconds))


def ticks(deployment: Deployment, count: int, cursor: str | None = None) -> str | None:
    for _ in range(count):
        cursor = deployment.tick(staging_sensor, cursor).cursor
    return cursor


def submitted(deployment: Deployment) -> list[str]:
    with read_transaction(deployment.engine) as conn:
        return [t.payload["unit"] for t in task_requests.listing(conn, pathway=Pathway.STAGING_MIGRATION)]


def test_a_unit_is_submitted_on_the_second_tick_that_sees_it_unchanged(deployment: Deployment) -> None:
    drop(deployment, "web")
    pass_time(deployment, 60)
    first = deployment.tick(staging_sensor)
    assert first.skip_message == "still changing: web"
    assert submitted(deployment) == []
    ticks(deployment, 1, first.cursor)
    assert submitted(deployment) == ["web"]


def test_the_request_names_the_content_the_target_and_the_order(deployment: Deployment) -> None:
    unit = drop(deployment, "web")
    pass_time(deployment, 60)
    ticks(deployment, 2)
    with read_transaction(deployment.engine) as conn:
        (task,) = task_requests.listing(conn)
        (migration,) = staging_migrations.listing(conn)
    assert task.order_id == "order-web"
    assert task.payload["unitPath"] == str(unit)
    assert task.payload["targetRoot"] == str(deployment.settings.target_root)
    assert migration.source_digest == task.payload["sourceDigest"]


def test_a_unit_that_was_touched_a_moment_ago_waits_until_it_settles(deployment: Deployment) -> None:
    drop(deployment, "web")
    pass_time(deployment, 2)
    cursor = ticks(deployment, 3)
    assert submitted(deployment) == []
    pass_time(deployment, 10)
    ticks(deployment, 1, cursor)
    assert submitted(deployment) == ["web"]


def test_a_unit_that_grew_between_two_ticks_waits_whatever_the_clocks_say(deployment: Deployment) -> None:
    drop(deployment, "web")
    pass_time(deployment, 3600)
    cursor = ticks(deployment, 1)
    drop(deployment, "web", text="export const a = 2;\n")
    ticks(deployment, 1, cursor)
    assert submitted(deployment) == []


@pytest.mark.parametrize("lost", ["not json", "[1]", "7"])
def test_the_same_content_is_submitted_once_even_after_the_cursor_is_lost(deployment: Deployment, lost: str) -> None:
    drop(deployment, "web")
    pass_time(deployment, 60)
    ticks(deployment, 3)
    ticks(deployment, 3, lost)
    assert submitted(deployment) == ["web"]


def test_changed_content_is_submitted_again(deployment: Deployment) -> None:
    drop(deployment, "web")
    pass_time(deployment, 60)
    cursor = ticks(deployment, 2)
    drop(deployment, "web", text="export const a = 3;\n")
    pass_time(deployment, 60)
    ticks(deployment, 2, cursor)
    assert submitted(deployment) == ["web", "web"]


def test_a_unit_with_a_broken_manifest_is_submitted_so_that_its_run_can_tell(deployment: Deployment) -> None:
    (drop(deployment, "web") / "migration-manifest.yaml").write_text("unit: [")
    pass_time(deployment, 60)
    ticks(deployment, 2)
    assert submitted(deployment) == ["web"]


@pytest.mark.parametrize("there", [True, False])
def test_nothing_in_staging_is_skipped_with_a_reason(deployment: Deployment, there: bool) -> None:
    if not there:
        deployment.settings.staging.rmdir()
    expected = "nothing new among 0 unit(s)" if there else f"there is no folder {deployment.settings.staging}"
    assert deployment.tick(staging_sensor).skip_message == expected
