"""The sensors on patches and orders: what changed is counted and reported again, once, and nothing else is."""

import json
from datetime import datetime, timedelta

import dagster as dg
import pytest

from assets import patches
from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.store import patch_events, patch_rollups
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from sensors.reports import FOLD_EVERY, delivery_reports_sensor, patch_rollups_sensor
from tests.wiring.deployment import Deployment


def record_patch(deployment: Deployment, at: datetime, *, patch_id: str = "p1", order_id: str | None = "42") -> None:
    events = [
        EventRow(
            patch_id=patch_id,
            batch_id="b1",
            requester="agent",
            workspace="/w",
            file_path="a.py",
            op="append",
            order_id=order_id,
            created_at=at,
            event=name,
        )
        for name in (PatchEventName.PATCH_REQUESTED, PatchEventName.PATCH_APPLIED)
    ]
    with write_transaction(deployment.engine) as conn:
        patch_events.record(conn, events)


def run_job(deployment: Deployment, name: str, partition: str | None = None) -> dg.ExecuteInProcessResult:
    job = deployment.defs.get_job_def(name)
    return job.execute_in_process(
        partition_key=partition, instance=deployment.instance, resources=deployment.resources, raise_on_error=False
    )


def test_new_events_are_observed_with_their_number_and_the_newest_id(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now)
    tick = deployment.tick(patch_rollups_sensor)
    (observed,) = tick.asset_events
    assert observed.asset_key == dg.AssetKey("patch_events")
    assert observed.tags["dagster/data_version"] == "2:2"
    assert deployment.tick(patch_rollups_sensor, tick.cursor).asset_events == []


def test_the_day_of_a_new_patch_is_asked_for_and_then_counted(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now)
    tick = deployment.tick(patch_rollups_sensor)
    assert [request.partition_key for request in tick.run_requests or []] == [now.date().isoformat()]

    assert run_job(deployment, "patch_rollups_job", now.date().isoformat()).success

    deployment.set_clock(now + FOLD_EVERY)
    assert deployment.tick(patch_rollups_sensor, tick.cursor).skip_message == "every day is counted"


def test_a_late_event_reopens_the_day_of_its_patch_alone(deployment: Deployment, now: datetime) -> None:
    earlier = now - timedelta(days=3)
    record_patch(deployment, earlier, patch_id="old")
    record_patch(deployment, now, patch_id="new")
    patch_rollups.fold(deployment.engine, now)
    record_patch(deployment, now, patch_id="old")

    tick = deployment.tick(patch_rollups_sensor)

    assert [request.partition_key for request in tick.run_requests or []] == [earlier.date().isoformat()]


def test_a_busy_store_is_not_asked_for_runs_at_every_tick(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now)
    first = deployment.tick(patch_rollups_sensor)
    record_patch(deployment, now, patch_id="p2")
    deployment.set_clock(now + timedelta(minutes=1))
    second = deployment.tick(patch_rollups_sensor, first.cursor)
    assert second.skip_message == "1 day(s) wait to be counted"
    deployment.set_clock(now + FOLD_EVERY)
    assert deployment.tick(patch_rollups_sensor, second.cursor).run_requests


def test_many_days_are_left_to_one_run_that_folds_them_all(deployment: Deployment, now: datetime) -> None:
    for back in range(5):
        record_patch(deployment, now - timedelta(days=back), patch_id=f"p{back}")
    (request,) = deployment.tick(patch_rollups_sensor).run_requests or []
    assert request.asset_selection == [dg.AssetKey("patch_trends_weekly")]

    result = dg.materialize([patches.patch_trends_weekly], instance=deployment.instance, resources=deployment.resources)

    told = {event.partition for event in result.get_asset_materialization_events() if event.partition}
    assert told == {(now - timedelta(days=back)).date().isoformat() for back in range(5)}
    with read_transaction(deployment.engine) as conn:
        assert patch_rollups.days_due(conn) == []


@pytest.mark.parametrize("cursor", ["", "no json", "[]", '"x"'])
def test_a_cursor_that_cannot_be_read_begins_again(deployment: Deployment, now: datetime, cursor: str) -> None:
    record_patch(deployment, now)
    tick = deployment.tick(patch_rollups_sensor, cursor)
    assert len(tick.asset_events) == 1
    assert json.loads(tick.cursor or "")["newest"] == 2


def test_a_changed_order_is_reported_by_one_run(deployment: Deployment, now: datetime) -> None:
    assert deployment.tick(delivery_reports_sensor).skip_message == "every report is up to date"
    record_patch(deployment, now)
    assert len(deployment.tick(delivery_reports_sensor).run_requests or []) == 1

    assert run_job(deployment, "delivery_reports_job").success

    assert deployment.tick(delivery_reports_sensor).skip_message == "every report is up to date"
    record_patch(deployment, now, patch_id="p2")
    assert len(deployment.tick(delivery_reports_sensor).run_requests or []) == 1


def test_while_a_run_is_under_way_no_other_is_asked_for(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now)
    deployment.instance.create_run_for_job(
        deployment.defs.get_job_def("delivery_reports_job"), status=dg.DagsterRunStatus.STARTED
    )
    assert deployment.tick(delivery_reports_sensor).skip_message == "a run that makes reports is under way"


def test_after_a_failed_run_the_next_try_waits(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now)
    deployment.set_clock(datetime.now(now.tzinfo))  # Dagster's own time, which ends runs
    first = deployment.tick(delivery_reports_sensor)
    broken = {**deployment.resources, "report_options": None}
    job = deployment.defs.get_job_def("delivery_reports_job")
    assert not job.execute_in_process(instance=deployment.instance, resources=broken, raise_on_error=False).success
    assert "the last run failed" in (deployment.tick(delivery_reports_sensor, first.cursor).skip_message or "")
    deployment.set_clock(datetime.now(now.tzinfo) + timedelta(minutes=11))
    assert deployment.tick(delivery_reports_sensor, first.cursor).run_requests


def test_a_report_that_cannot_be_made_is_tried_again_after_a_while_and_at_the_next_change(
    deployment: Deployment, now: datetime
) -> None:
    record_patch(deployment, now)
    first = deployment.tick(delivery_reports_sensor)  # whose run leaves the order as it is
    assert len(first.run_requests or []) == 1

    assert "could not be made" in (deployment.tick(delivery_reports_sensor, first.cursor).skip_message or "")

    deployment.set_clock(now + timedelta(minutes=11))
    assert deployment.tick(delivery_reports_sensor, first.cursor).run_requests
    deployment.set_clock(now)
    record_patch(deployment, now, patch_id="p2")
    assert deployment.tick(delivery_reports_sensor, first.cursor).run_requests


def test_what_is_read_is_exact_before_and_after_a_fold(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now)
    patch_rollups.fold(deployment.engine, now)
    record_patch(deployment, now, patch_id="p2")
    with read_transaction(deployment.engine) as conn:
        assert patch_rollups.days_due(conn) == [now.date()]
