"""The STAGING sensor: settled units only, each content once, and what it shows of them in the UI."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test

from jobs.tasks import TASK_TAG
from repo_agent_dagster.contracts.tasks import Pathway, TaskStatus
from repo_agent_dagster.store import staging_migrations, task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.staging_migrations import StagingMigration, StagingStatus
from repo_agent_dagster.store.task_requests import TaskRequest
from sensors.staging import staging_sensor
from tests.wiring.deployment import Deployment


class Sensor:
    """The sensor on a deployment: each tick moves the clock on and hands its cursor to the next."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.cursor: str | None = None
        self.now = deployment.resources["clock"].now()

    def drop(self, name: str, text: str = "export const a = 1;\n", manifest: str = "") -> Path:
        unit = self.deployment.settings.staging / name
        unit.mkdir(exist_ok=True)
        (unit / "a.ts").write_text(text)
        (unit / "migration-manifest.yaml").write_text(
            manifest or f"unit: {name}\ndestination: apps/{name}\norder: {{id: order-{name}}}\n"
        )
        return unit

    def tick(self, *, after_seconds: float = 60) -> SensorExecutionData:
        self.now += timedelta(seconds=after_seconds)
        self.deployment.set_clock(self.now)
        ticked = self.deployment.tick(staging_sensor, self.cursor)
        self.cursor = ticked.cursor
        return ticked

    def settle(self) -> SensorExecutionData:
        self.tick()
        return self.tick()

    def tasks(self) -> list[TaskRequest]:
        """The sensor's task requests, oldest first."""
        with read_transaction(self.deployment.engine) as conn:
            return task_requests.listing(conn, pathway=Pathway.STAGING_MIGRATION)[::-1]

    def migration(self, unit: str) -> StagingMigration:
        with read_transaction(self.deployment.engine) as conn:
            found = staging_migrations.latest(conn, unit)
        assert found is not None
        return found

    def end_task(self, task: TaskRequest, status: StagingStatus) -> None:
        """What the job does, in short: it plans, ends, and closes its task."""
        with write_transaction(self.deployment.engine) as conn:
            task_requests.claim(conn, task.id, dagster_run_id=f"run of {task.id}", now=self.now)
            row = staging_migrations.latest(conn, task.payload["unit"])
            assert row is not None
            for step in (StagingStatus.PLANNED, status):
                staging_migrations.set_status(conn, row.id, step, now=self.now)
            task_requests.finish(conn, task.id, TaskStatus.SUCCESS, now=self.now)


@pytest.fixture
def sensor(deployment: Deployment) -> Sensor:
    return Sensor(deployment)


def test_a_unit_is_submitted_when_its_content_stood_still_for_the_set_time(sensor: Sensor) -> None:
    sensor.drop("web")
    assert sensor.tick().skip_message == "still changing: web"
    assert sensor.tick(after_seconds=4).skip_message == "still changing: web"
    assert sensor.tick(after_seconds=1).skip_message == "submitted: web"
    assert sensor.tick().skip_message == "nothing new among 1 unit(s)"
    (task,) = sensor.tasks()
    assert task.order_id == "order-web"
    assert task.payload["unitPath"] == str(sensor.deployment.settings.staging / "web")
    assert task.payload["targetRoot"] == str(sensor.deployment.settings.target_root)
    assert sensor.migration("web").task_request_id == task.id
    assert sensor.migration("web").source_digest == task.payload["sourceDigest"]


def test_the_same_content_is_submitted_once_even_after_the_cursor_is_lost(sensor: Sensor) -> None:
    sensor.drop("web")
    sensor.settle()
    for lost in (None, "not json", "[1]", "7", '{"units": {"web": {"digest": 1}}}'):
        sensor.cursor = lost
        sensor.settle()
    assert len(sensor.tasks()) == 1


def test_a_changed_unit_supersedes_its_pending_request_and_leaves_a_running_one(sensor: Sensor) -> None:
    sensor.drop("web")
    sensor.settle()
    sensor.drop("web", "export const a = 2;\n")
    assert "superseded: 1 task(s)" in str(sensor.tick().skip_message)
    sensor.tick()
    first, second = sensor.tasks()
    assert (first.status, second.status) == (TaskStatus.CANCELLED, TaskStatus.PENDING)
    assert first.error is not None
    assert first.error.startswith("superseded: the unit changed before its migration began")

    with write_transaction(sensor.deployment.engine) as conn:
        task_requests.claim(conn, second.id, dagster_run_id="r", now=sensor.now)
    sensor.drop("web", "export const a = 3;\n")
    sensor.settle()
    assert [task.status for task in sensor.tasks()[1:]] == [TaskStatus.RUNNING, TaskStatus.PENDING]


def test_the_queued_run_of_a_superseded_request_is_cancelled(deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "queued").mkdir()
    queueing = {"run_coordinator": {"module": "dagster.core.run_coordinator", "class": "QueuedRunCoordinator"}}
    with dg.instance_for_test(temp_dir=str(tmp_path / "queued"), overrides=queueing) as instance:
        sensor = Sensor(replace(deployment, instance=instance))
        sensor.drop("web")
        sensor.settle()
        (task,) = sensor.tasks()
        job = deployment.defs.get_job_def("staging_migration_job")
        repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "__repository__")
        origin = RemoteJobOrigin(repository, job.name)
        run = create_run_for_test(
            instance, job.name, tags={TASK_TAG: task.id}, status=dg.DagsterRunStatus.QUEUED, remote_job_origin=origin
        )
        sensor.drop("web", "export const a = 2;\n")
        sensor.tick()
        found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.CANCELED


def test_a_content_that_comes_back_is_migrated_again(sensor: Sensor) -> None:
    for text in ("1", "2", "1", "2", "1"):
        sensor.drop("web", text)
        sensor.settle()
        sensor.end_task(sensor.tasks()[-1], StagingStatus.VALIDATED)
    assert len(sensor.tasks()) == 5
    sensor.cursor = None
    sensor.settle()
    assert len(sensor.tasks()) == 5


def test_a_content_that_comes_back_after_a_broken_manifest_stays_migrated(sensor: Sensor) -> None:
    unit = sensor.drop("web")
    sensor.settle()
    sensor.end_task(sensor.tasks()[-1], StagingStatus.VALIDATED)
    right = (unit / "migration-manifest.yaml").read_text()
    sensor.drop("web", manifest="unit: [")
    sensor.settle()
    assert sensor.migration("web").status is StagingStatus.FAILED
    sensor.drop("web", manifest=right)
    sensor.settle()
    assert len(sensor.tasks()) == 1
    assert sensor.migration("web").status is StagingStatus.VALIDATED


def test_a_superseded_content_that_comes_back_is_submitted_again(sensor: Sensor) -> None:
    sensor.drop("web", "1")
    sensor.settle()
    sensor.drop("web", "2")
    sensor.tick()
    sensor.drop("web", "1")
    sensor.settle()
    assert [task.status for task in sensor.tasks()] == [TaskStatus.CANCELLED, TaskStatus.PENDING]


def test_a_broken_manifest_is_told_once_with_a_row_and_again_only_when_it_changed(sensor: Sensor) -> None:
    sensor.drop("web", manifest="unit: web\ndestnation: apps/web\n")
    told = sensor.settle().skip_message
    assert told is not None
    assert "did you mean 'destination'?" in told
    assert sensor.tick().skip_message == "nothing new among 1 unit(s)"
    assert sensor.migration("web").status is StagingStatus.FAILED
    assert "did you mean 'destination'?" in str(sensor.migration("web").error)
    assert sensor.tasks() == []

    sensor.drop("web", manifest="unit: web\ndest: apps/web\n")
    assert "unknown field" in str(sensor.settle().skip_message)
    sensor.drop("web")
    assert sensor.settle().skip_message == "submitted: web"


def test_a_unit_waits_until_those_that_it_comes_after_are_migrated(sensor: Sensor) -> None:
    sensor.drop("lib")
    sensor.drop("web", manifest="unit: web\ndestination: apps/web\nafter: [lib]\n")
    assert sensor.settle().skip_message == "submitted: lib; web waits for lib, which is not migrated yet"
    sensor.end_task(sensor.tasks()[-1], StagingStatus.VALIDATED)
    assert sensor.tick().skip_message == "submitted: web"
    assert [task.payload["unit"] for task in sensor.tasks()] == ["lib", "web"]


def test_a_unit_goes_by_the_name_in_its_manifest(sensor: Sensor) -> None:
    sensor.drop("lib-v2", manifest="unit: lib\ndestination: lib\n")
    sensor.drop("web", manifest="unit: web\ndestination: apps/web\nafter: [lib]\n")
    assert sensor.settle().skip_message == "submitted: lib-v2; web waits for lib, which is not migrated yet"
    assert sensor.tasks()[0].payload["unit"] == "lib"
    sensor.end_task(sensor.tasks()[0], StagingStatus.APPLIED)
    ticked = sensor.tick()
    assert ticked.skip_message == "submitted: web"
    (added,) = ticked.dynamic_partitions_requests or []
    assert added.partition_keys == ["lib", "web"]


def test_a_circle_of_units_is_told_once_and_ends_when_one_of_them_changes(sensor: Sensor) -> None:
    sensor.drop("a", manifest="unit: a\ndestination: a\nafter: [b]\n")
    sensor.drop("b", manifest="unit: b\ndestination: b\nafter: [a]\n")
    assert "a → b → a" in str(sensor.settle().skip_message)
    assert sensor.tick().skip_message == "nothing new among 2 unit(s)"
    assert {sensor.migration(unit).status for unit in "ab"} == {StagingStatus.FAILED}
    sensor.drop("b")
    assert "submitted: b" in str(sensor.settle().skip_message)
    assert "a waits for b" in str(sensor.tick().skip_message)


def test_a_folder_whose_name_no_unit_can_have_is_told_and_stops_nothing(sensor: Sensor) -> None:
    for name in ("two words", "new\nline", "ünï", "\udcff"):
        sensor.drop(name, manifest="unit: u\ndestination: u\n")
    sensor.drop("web")
    ticked = sensor.settle()
    assert "submitted: web" in str(ticked.skip_message)
    assert str(ticked.skip_message).count("rename the folder") == 4
    assert len(sensor.tasks()) == 1


def test_each_unit_is_a_partition_while_its_folder_is_there(sensor: Sensor) -> None:
    unit = sensor.drop("web")
    (added,) = sensor.tick().dynamic_partitions_requests or []
    assert added == dg.AddDynamicPartitionsRequest("staging_units", ["web"])
    sensor.deployment.instance.add_dynamic_partitions("staging_units", ["web"])
    assert not sensor.tick().dynamic_partitions_requests
    for file in unit.iterdir():
        file.unlink()
    unit.rmdir()
    (removed,) = sensor.tick().dynamic_partitions_requests or []
    assert removed == dg.DeleteDynamicPartitionsRequest("staging_units", ["web"])


def test_each_change_of_a_migration_is_shown_once_as_a_materialisation_of_its_partition(sensor: Sensor) -> None:
    sensor.drop("web")
    sensor.tick()
    (seen,) = sensor.tick().asset_events
    assert isinstance(seen, dg.AssetMaterialization)
    assert (seen.asset_key, seen.partition, seen.metadata["state"].value) == (
        dg.AssetKey("staging_units"),
        "web",
        "seen",
    )
    assert sensor.tick().asset_events == []
    with write_transaction(sensor.deployment.engine) as conn:
        row = sensor.migration("web")
        staging_migrations.note(conn, row.id, now=sensor.now, conflicts=2, standards_score=87.5)
        staging_migrations.set_status(conn, row.id, StagingStatus.CONFLICT, now=sensor.now, error="both changed a.ts")
    (changed,) = sensor.tick().asset_events
    shown = {name: value.value for name, value in changed.metadata.items()}
    assert (shown["state"], shown["conflicts"], shown["standards_score"]) == ("conflict", 2, 87.5)
    assert changed.description == "both changed a.ts"


def test_a_tick_names_only_the_first_of_many_units(sensor: Sensor) -> None:
    for number in range(12):
        sensor.drop(f"unit{number:02}")
    said = str(sensor.tick().skip_message)
    assert said.startswith("still changing: unit00, unit01, ")
    assert said.endswith(", unit09, and 2 more")


def test_the_cursor_of_units_that_were_handed_on_holds_little_more_than_their_names(sensor: Sensor) -> None:
    sensor.drop("web")
    sensor.settle()
    sensor.tick()
    assert sensor.cursor is not None
    (remembered,) = json.loads(sensor.cursor)["units"].values()
    assert remembered == sensor.migration("web").source_digest[:16]


@pytest.mark.parametrize("there", [True, False])
def test_nothing_in_staging_is_skipped_with_a_reason(sensor: Sensor, there: bool) -> None:
    staging = sensor.deployment.settings.staging
    if not there:
        staging.rmdir()
    expected = "nothing new among 0 unit(s)" if there else f"there is no folder {staging}"
    assert sensor.tick().skip_message == expected
