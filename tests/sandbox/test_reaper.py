"""The reaper removes what outlived its task or its deadline, and nothing else."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker
import pytest

from repo_agent_dagster.sandbox.reaper import list_sandboxes, reap, reap_all
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from repo_agent_dagster.store.ids import new_id
from tests.sandbox.refusing_engine import refusing_engine

pytestmark = pytest.mark.docker


@pytest.fixture
def owner() -> str:
    """An installation of this test's own: other tests' sandboxes share the engine."""
    return f"/home/{new_id()}"


@pytest.fixture
def living(sandbox_image: str, task_id: str, owner: str) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec(task_id, run_id="run-7", owner=owner, deadline_seconds=300)) as box:
        yield box


def nobody(task_id: str) -> bool:
    return False


def everybody(task_id: str) -> bool:
    return True


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_sandbox_is_listed_with_its_task_and_deadline(living: Sandbox, task_id: str, owner: str) -> None:
    (found,) = list_sandboxes(owner=owner)

    assert (found.id, found.name, found.task_id, found.run_id) == (living.id, living.name, task_id, "run-7")
    assert found.status == "running"
    assert found.deadline == living.deadline
    assert abs((datetime.now(UTC) - found.created_at).total_seconds()) < 30
    assert found.id in {box.id for box in list_sandboxes()}


def test_a_sandbox_whose_task_runs_is_left_alone(living: Sandbox, owner: str) -> None:
    assert reap(is_over=nobody, now=later(120), owner=owner).removed == []
    assert living.exec("true").ok


def test_a_sandbox_whose_task_is_finished_is_removed(living: Sandbox, task_id: str, owner: str) -> None:
    (reaped,) = reap(is_over=lambda live: live.task_id == task_id, now=later(120), owner=owner).removed

    assert (reaped.id, reaped.task_id, reaped.reason) == (living.id, task_id, "its task or its run is over")
    assert list_sandboxes(owner=owner) == []


def test_a_sandbox_past_its_deadline_is_removed_whatever_its_task_does(living: Sandbox, owner: str) -> None:
    (reaped,) = reap(is_over=nobody, now=later(301), owner=owner).removed

    assert reaped.reason == "its deadline passed"


def test_another_installations_sandboxes_are_left_alone(living: Sandbox) -> None:
    assert reap(is_over=everybody, now=later(1000), owner="/home/of another").removed == []
    assert living.exec("true").ok


def test_a_container_that_never_started_and_has_no_deadline_is_removed(
    docker_client: docker.DockerClient, sandbox_image: str, owner: str
) -> None:
    labels = {"repo-agent.task": "t", "repo-agent.owner": owner, "repo-agent.deadline": "tomorrow"}
    docker_client.containers.create(sandbox_image, "true", labels=labels)

    (reaped,) = reap(is_over=nobody, now=later(0), owner=owner).removed

    assert reaped.reason == "its deadline label is not readable"
    assert list_sandboxes(owner=owner) == []


def test_containers_of_others_are_never_touched(
    docker_client: docker.DockerClient, sandbox_image: str, owner: str
) -> None:
    stranger = docker_client.containers.create(sandbox_image, "true", labels={"repo-agent.owner": owner})
    try:
        assert reap(is_over=everybody, now=later(1000), owner=owner).removed == []
        stranger.reload()
    finally:
        stranger.remove(force=True)


def test_what_cannot_be_removed_does_not_keep_the_others_and_is_told(
    sandbox_image: str, docker_client: docker.DockerClient, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"repo-agent.task": "t", "repo-agent.owner": owner, "repo-agent.deadline": "tomorrow"}
    made = [docker_client.containers.create(sandbox_image, "true", labels=labels) for _ in range(3)]
    stuck = sorted(str(container.id) for container in made)[0]
    # A socket's path must be short.
    with (
        tempfile.TemporaryDirectory(prefix="refusing-") as folder,
        refusing_engine(Path(folder), f"containers/{stuck}?".encode()) as address,
        monkeypatch.context() as patched,
    ):
        patched.setenv("DOCKER_HOST", address)
        reaping = reap(is_over=nobody, now=later(0), owner=owner)

    assert len(reaping.removed) == 2
    assert len(reaping.problems) == 1
    assert "this one is stuck" in reaping.problems[0]
    assert [gone.id for gone in reap(is_over=nobody, now=later(0), owner=owner).removed] == [stuck]


def test_a_dry_run_removes_nothing(living: Sandbox, owner: str) -> None:
    (gone,) = reap(is_over=everybody, now=later(0), owner=owner, dry_run=True).removed

    assert gone.id == living.id
    assert living.exec("true").ok


def test_all_of_an_installation_can_be_removed(living: Sandbox, owner: str) -> None:
    assert [reaped.id for reaped in reap_all(owner).removed] == [living.id]
    assert reap_all(owner).removed == []
