"""The job `apply_patches`: from a task or a config to files, record and metadata; what is wrong is told as such."""

from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from jobs.pathways import run_request
from jobs.tasks import TASK_PARTITIONS
from repo_agent_dagster.contracts.patches import PatchBatch, PatchEventName
from repo_agent_dagster.contracts.tasks import ApplyPatchesPayload, Pathway, TaskStatus
from repo_agent_dagster.patching import Workspace, apply_batch
from repo_agent_dagster.store import patch_events, task_requests, workspaces
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.patch_events import StoreCustody, StoredEvent
from repo_agent_dagster.store.task_requests import TaskRequest
from sensors.queue import task_queue_sensor
from tests.wiring.deployment import Deployment

TO_2 = {"op": "replace-block", "file": "f.py", "start": 2, "end": 2, "block": "    return 2"}
BROKEN = {"op": "append", "file": "f.py", "block": "def ("}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "f.py").write_text("def f():\n    return 1\n")
    return folder


@pytest.fixture
def shop(deployment: Deployment, root: Path, now: datetime) -> Path:
    """The workspace, registered under the name shop."""
    with write_transaction(deployment.engine) as conn:
        workspaces.register(conn, root, now=now, name="shop")
    return root


def submit(deployment: Deployment, now: datetime, workspace: object, *operations: Any, **fields: Any) -> TaskRequest:
    dry_run = fields.pop("dry_run", False)
    batch = PatchBatch(patches=list(operations), **fields)
    payload = ApplyPatchesPayload(workspace=str(workspace), batch=batch, dry_run=dry_run)
    with write_transaction(deployment.engine) as conn:
        return task_requests.submit(conn, Pathway.APPLY_PATCHES, payload, now=now)


def stored(deployment: Deployment, task: TaskRequest) -> TaskRequest:
    with read_transaction(deployment.engine) as conn:
        found = task_requests.get(conn, task.id)
    assert found is not None
    return found


def run_task(deployment: Deployment, task: TaskRequest) -> tuple[dg.ExecuteInProcessResult, TaskRequest]:
    deployment.instance.add_dynamic_partitions(TASK_PARTITIONS, [task.id])
    request = run_request(task)
    result = deployment.defs.get_job_def(request.job_name).execute_in_process(
        partition_key=request.partition_key,
        tags=dict(request.tags),
        instance=deployment.instance,
        raise_on_error=False,
    )
    return result, stored(deployment, task)


def run_config(deployment: Deployment, **config: Any) -> dg.ExecuteInProcessResult:
    return deployment.defs.get_job_def("apply_patches").execute_in_process(
        run_config={"ops": {"read_batch": {"config": config}}}, instance=deployment.instance, raise_on_error=False
    )


def metadata(result: dg.ExecuteInProcessResult, step: str) -> dict[str, Any]:
    for event in result.events_for_node(step):
        if event.is_successful_output:
            return {name: value.value for name, value in event.step_output_data.metadata.items()}
    raise AssertionError(f"{step} has no output")


def why(result: dg.ExecuteInProcessResult) -> str:
    (failed,) = [event for event in result.all_node_events if event.is_step_failure]
    assert failed.step_failure_data.user_failure_data is not None
    return str(failed.step_failure_data.user_failure_data.description)


def recorded(deployment: Deployment) -> list[StoredEvent]:
    with read_transaction(deployment.engine) as conn:
        return patch_events.listing(conn)


def test_a_task_of_the_queue_is_applied_and_closed_with_its_result(
    deployment: Deployment, shop: Path, now: datetime
) -> None:
    task = submit(deployment, now, shop, TO_2, order_id="order-7", requester="factory")
    (request,) = deployment.tick(task_queue_sensor).run_requests
    assert (request.job_name, request.partition_key) == ("apply_patches", task.id)
    assert request.tags["repo_agent/order"] == "order-7"

    result, ended = run_task(deployment, task)

    assert result.success
    assert (shop / "f.py").read_text() == "def f():\n    return 2\n"
    assert ended.status is TaskStatus.SUCCESS
    assert ended.result is not None
    assert ended.result["batchId"] == result.run_id
    assert ended.result["patches"][0]["file"] == "f.py"
    assert ended.result["chain"] == {"ok": True, "checked": 2, "seq": None, "problem": None}
    assert {event.batch_id for event in recorded(deployment)} == {result.run_id}


def test_the_run_shows_the_diff_the_patches_and_the_custody(deployment: Deployment, shop: Path, now: datetime) -> None:
    result, _ = run_task(deployment, submit(deployment, now, shop, TO_2))
    applied = metadata(result, "apply_batch_to_workspace")
    assert applied["diff"].startswith("```diff\n")
    assert "+    return 2\n" in applied["diff"]
    assert "| f.py | replace-block | 1 | 1 |" in applied["patches"]
    proved = metadata(result, "prove_custody")
    assert proved["custody_chain"] == "2 events, whole"
    assert "| patch_applied | 1 |" in proved["events"]
    (observed,) = [event for event in result.all_events if event.event_type_value == "ASSET_OBSERVATION"]
    assert observed.asset_key == dg.AssetKey("patch_events")


def test_a_fence_in_a_diff_does_not_end_its_block(deployment: Deployment, shop: Path, now: datetime) -> None:
    operation = {"op": "append", "file": "f.py", "block": "# ```\n# <b>not markup</b>"}
    result, _ = run_task(deployment, submit(deployment, now, shop, operation))
    assert metadata(result, "apply_batch_to_workspace")["diff"].startswith("````diff\n")


def test_a_config_is_enough_without_a_task(deployment: Deployment, root: Path) -> None:
    result = run_config(deployment, workspace=str(root), batch={"patches": [TO_2], "orderId": "42"})
    assert result.success
    assert (root / "f.py").read_text() == "def f():\n    return 2\n"
    assert {event.order_id for event in recorded(deployment)} == {"42"}


@pytest.mark.usefixtures("shop")
def test_a_registered_workspace_is_found_by_its_name(deployment: Deployment, root: Path) -> None:
    assert run_config(deployment, workspace="shop", batch={"patches": [TO_2]}).success
    assert (root / "f.py").read_text() == "def f():\n    return 2\n"


@pytest.mark.parametrize("where", ["payload", "batch"])
def test_a_dry_run_shows_and_leaves_no_trace(deployment: Deployment, shop: Path, now: datetime, where: str) -> None:
    batch = {"dryRun": True} if where == "batch" else {}
    task = submit(deployment, now, shop, TO_2, dry_run=where == "payload", **batch)
    result, ended = run_task(deployment, task)
    assert result.success
    assert "+    return 2\n" in metadata(result, "apply_batch_to_workspace")["diff"]
    assert [path.name for path in shop.iterdir()] == ["f.py"]
    assert (shop / "f.py").read_text() == "def f():\n    return 1\n"
    assert recorded(deployment) == []
    assert ended.result is not None
    assert (ended.result["dryRun"], ended.result["batchId"]) == (True, None)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"workspace": "ROOT", "batch": {}}, "config.batch is no PatchBatch: patches: Field required"),
        ({"workspace": "ROOT", "batch": {"patches": [{"op": "rewrite"}]}}, "does not match any of the expected tags"),
        ({"workspace": "ROOT", "batch": {"patches": [TO_2], "who": "me"}}, "Extra inputs are not permitted"),
        ({"batch": {"patches": [TO_2]}}, "config.workspace is empty"),
        ({"workspace": "no/such", "batch": {"patches": [TO_2]}}, "there is no workspace 'no/such'"),
        ({"workspace": "/no/such", "batch": {"patches": [TO_2]}}, "there is no workspace '/no/such'"),
        ({"workspace": "ROOT", "batch": {"patches": [{**TO_2, "file": "../f"}]}}, "climbs out"),
        ({"workspace": "ROOT", "batch": {"patches": [{**TO_2, "file": "none.py"}]}}, "does not exist"),
    ],
)
def test_what_is_wrong_is_the_reason_of_the_failed_run(
    deployment: Deployment, root: Path, config: dict[str, Any], reason: str
) -> None:
    given = {name: str(root) if value == "ROOT" else value for name, value in config.items()}
    result = run_config(deployment, **given)
    assert not result.success
    assert reason in why(result)
    assert (root / "f.py").read_text() == "def f():\n    return 1\n"


def test_a_conflict_closes_its_task_as_failed_with_the_reason(
    deployment: Deployment, shop: Path, now: datetime
) -> None:
    result, ended = run_task(deployment, submit(deployment, now, shop, {**TO_2, "start": 9, "end": 9}))
    assert not result.success
    assert ended.status is TaskStatus.FAILED
    assert ended.error == why(result)
    assert "9" in ended.error
    assert ended.result is not None
    assert ended.result["kind"] in ("PatchConflict", "InvalidPatch")
    assert [event.event for event in recorded(deployment)] == [
        PatchEventName.PATCH_REQUESTED,
        PatchEventName.PATCH_FAILED,
    ]


def test_a_batch_that_fails_its_check_is_reverted_and_fails_the_run(
    deployment: Deployment, root: Path, now: datetime
) -> None:
    with write_transaction(deployment.engine) as conn:
        workspaces.register(conn, root, now=now, check="python", trusted=True)
    result, ended = run_task(deployment, submit(deployment, now, root, BROKEN))
    assert not result.success
    assert "the batch was reverted" in why(result)
    assert (root / "f.py").read_text() == "def f():\n    return 1\n"
    assert (ended.status, ended.result and ended.result["kind"]) == (TaskStatus.FAILED, "CheckFailed")


def test_a_check_that_passes_is_told_in_the_result(deployment: Deployment, root: Path, now: datetime) -> None:
    with write_transaction(deployment.engine) as conn:
        workspaces.register(conn, root, now=now, check="python", trusted=True)
    _, ended = run_task(deployment, submit(deployment, now, root, TO_2))
    assert ended.result is not None
    assert ended.result["checkOk"] is True


def retry_of(deployment: Deployment, task: TaskRequest, crashed: dg.DagsterRun) -> Any:
    """Run the job as Dagster's run retries do after a worker crashed."""
    job = deployment.defs.get_job_def("apply_patches")
    tags = {**crashed.tags, "dagster/retry_number": "1", "dagster/partition": task.id}
    run = deployment.instance.create_run_for_job(
        job, tags=tags, parent_run_id=crashed.run_id, root_run_id=crashed.run_id
    )
    return execute_run(InMemoryJob(job), run, deployment.instance)


def crashed_run(deployment: Deployment, task: TaskRequest, now: datetime) -> dg.DagsterRun:
    deployment.instance.add_dynamic_partitions(TASK_PARTITIONS, [task.id])
    run = deployment.instance.create_run_for_job(
        deployment.defs.get_job_def("apply_patches"),
        status=dg.DagsterRunStatus.FAILURE,
        tags={**run_request(task).tags, "dagster/partition": task.id},
    )
    with write_transaction(deployment.engine) as conn:
        assert task_requests.claim(conn, task.id, dagster_run_id=run.run_id, now=now)
    return run


def test_a_retried_run_does_not_apply_again_what_the_crashed_one_had_applied(
    deployment: Deployment, shop: Path, now: datetime
) -> None:
    append = {"op": "append", "file": "f.py", "block": "# once"}
    task = submit(deployment, now, shop, append)
    crashed = crashed_run(deployment, task, now)
    batch = task.payload_as(ApplyPatchesPayload).batch
    apply_batch(Workspace(shop), batch, custody=StoreCustody(deployment.engine), now=now, batch_id=crashed.run_id)

    result = retry_of(deployment, task, crashed)

    assert result.success
    assert (shop / "f.py").read_text().count("# once") == 1
    ended = stored(deployment, task)
    assert ended.result is not None
    assert (ended.status, ended.result["batchId"]) == (TaskStatus.SUCCESS, crashed.run_id)
    assert ended.result["patches"][0]["file"] == "f.py"


def test_a_retried_run_applies_what_the_crashed_one_had_not(deployment: Deployment, shop: Path, now: datetime) -> None:
    task = submit(deployment, now, shop, {"op": "append", "file": "f.py", "block": "# once"})
    assert retry_of(deployment, task, crashed_run(deployment, task, now)).success
    assert (shop / "f.py").read_text().count("# once") == 1


def test_a_task_may_not_name_a_folder_that_is_not_registered(deployment: Deployment, root: Path, now: datetime) -> None:
    result, ended = run_task(deployment, submit(deployment, now, root, TO_2))
    assert not result.success
    assert "is registered; `repo-agent workspaces add PATH`" in why(result)
    assert (ended.status, ended.error) == (TaskStatus.FAILED, why(result))
    assert (root / "f.py").read_text() == "def f():\n    return 1\n"


def test_a_task_names_its_workspace_as_it_is_registered(deployment: Deployment, shop: Path, now: datetime) -> None:
    _, ended = run_task(deployment, submit(deployment, now, "shop", TO_2))
    assert ended.status is TaskStatus.SUCCESS
    assert (shop / "f.py").read_text() == "def f():\n    return 2\n"
