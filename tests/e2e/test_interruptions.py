"""What happens to a task, its run and its sandbox when somebody cancels it, and when its run's process is killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import dagster as dg
import docker
import psutil
import pytest

from repo_agent_dagster.cli.example_repo import commit_files
from repo_agent_dagster.cli.services import marked_processes
from repo_agent_dagster.sandbox import LiveSandbox, list_sandboxes

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.docker,
    pytest.mark.usefixtures("sandbox_image"),
    pytest.mark.timeout(900),
]

HANGS = b"import time\n\ndef test_that_hangs() -> None:\n    time.sleep(600)\n"
STOP_SECONDS = 90
WITHIN_SECONDS = 60
"""After this long, nothing is left of what ended, however it ended."""
FoundT = TypeVar("FoundT")


def hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class System:
    """A running `repo-agent up`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._env = {
            **os.environ,
            "REPO_AGENT_HOME": str(home),
            "REPO_AGENT_REPO_PROTOCOLS": "file",
            # The policy that has most to leave behind: a proxy and a network beside each sandbox.
            "REPO_AGENT_SANDBOX_NETWORK": "allowlist",
            "COLUMNS": "200",
            "PYTHONFAULTHANDLER": "1",
        }
        self.process = subprocess.Popen(
            [*self._command(), "up", "--port", "0"],
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Tests that a shell runs in its background ignore SIGINT; `up` would inherit that, and not stop.
            preexec_fn=hear_ctrl_c,
        )
        assert self.process.stdout is not None
        assert any(re.search(r"Ctrl-C stops everything", line) for line in self.process.stdout)

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "repo_agent_dagster.cli.main"]

    def tasks(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command(), "task", *arguments], env=self._env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def task(self, task_id: str) -> dict[str, str]:
        return json.loads(self.tasks("status", task_id, "--json"))

    def run_here(self, repository: Path, patch: Path) -> "subprocess.Popen[bytes]":
        """Run a validation in a process of its own."""
        command = ["task", "run", "solution_validation", "--repo-url", str(repository), "--patch", str(patch)]
        return subprocess.Popen(
            [*self._command(), *command], env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def daemon(self) -> psutil.Process:
        """The process of Dagster's daemon."""
        return next(it for it in marked_processes(self.home) if any("dagster-daemon" in w for w in it.cmdline()))

    def sandboxes(self, task_id: str) -> list[LiveSandbox]:
        return [box for box in list_sandboxes(owner=str(self.home)) if box.task_id == task_id]

    def sandboxes_of_process(self, pid: int) -> list[LiveSandbox]:
        return [box for box in list_sandboxes(owner=str(self.home)) if f":{pid}:" in (box.run_id or "")]

    def worker_of(self, run_id: str) -> psutil.Process | None:
        """The live process that, as Dagster's own log says, carries out the run.

        Not found by what the process looks like: its children come and go, and one that is gone between two looks at
        it is an error of psutil's.
        """
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        started = [
            int(str(event.dagster_event.engine_event_data.metadata["pid"].value))
            for event in events
            if event.dagster_event and "pid" in event.dagster_event.engine_event_data.metadata
        ]
        return next((process for process in marked_processes(self.home) if process.pid in started), None)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler tells where it hangs
            output, _ = self.process.communicate(timeout=10)
            raise AssertionError(f"`up` did not stop within {STOP_SECONDS} s of Ctrl-C:\n{output}") from None


@pytest.fixture
def system(home: Path) -> Iterator[System]:
    system = System(home)
    yield system
    if system.process.poll() is None:
        system.stop()


def eventually(look: Callable[[], FoundT | None], seconds: float, what: str) -> FoundT:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(1)
    raise AssertionError(f"not within {seconds} s: {what}")


DIFF = "--- /dev/null\n+++ b/fix.txt\n@@ -0,0 +1 @@\n+fix\n"


def hanging_task(system: System, folder: Path) -> str:
    commit_files(folder, {"tests/test_it.py": HANGS}, now=datetime.now(UTC), message="A test that hangs")
    payload = json.dumps({"repoUrl": folder.as_uri(), "diff": DIFF, "timeoutSeconds": 500})
    return system.tasks("invoke", "solution_validation", "--payload", payload)


def left_of(client: docker.DockerClient, home: Path, task_id: str | None = None) -> list[str]:
    """All that the engine still has of a home, or of one of its tasks."""
    labels = [f"repo-agent.owner={home}", *([f"repo-agent.task={task_id}"] if task_id else [])]
    containers = client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
    return sorted(str(thing.name) for thing in [*containers, *client.networks.list(filters={"label": labels})])


def volumes_and_dangling_images(client: docker.DockerClient) -> set[str]:
    dangling = client.images.list(filters={"dangling": True, "label": "repo-agent.recipe"})
    return {volume.name for volume in client.volumes.list()} | {str(image.id) for image in dangling}


def test_nothing_outlives_a_cancelled_task_a_killed_worker_a_killed_process_or_a_killed_daemon(
    system: System, tmp_path: Path, docker_client: docker.DockerClient
) -> None:
    before = volumes_and_dangling_images(docker_client)
    cancelled = hanging_task(system, tmp_path / "repo")
    killed = hanging_task(system, tmp_path / "repo")
    (tmp_path / "fix.diff").write_text(DIFF)
    here = system.run_here(tmp_path / "repo", tmp_path / "fix.diff")
    for task_id in (cancelled, killed):
        eventually(lambda task_id=task_id: system.sandboxes(task_id), 150, "a sandbox for each task")
    mine = eventually(lambda: system.sandboxes_of_process(here.pid), 150, "a sandbox for the process")[0].task_id

    here.kill()
    here.wait()
    system.tasks("cancel", cancelled)
    cancelled_run = system.task(cancelled)["dagsterRunId"]
    crashed_run = system.task(killed)["dagsterRunId"]
    worker = eventually(lambda: system.worker_of(crashed_run), 30, "the run's worker")
    worker.kill()

    for task_id in (cancelled, mine):
        left = partial(left_of, docker_client, system.home, task_id)
        eventually(lambda left=left: not left(), WITHIN_SECONDS, f"nothing is left of {task_id}")
    eventually(lambda: not system.worker_of(cancelled_run), 60, "the cancelled task's run is stopped")
    eventually(lambda: system.task(killed)["dagsterRunId"] != crashed_run, 90, "the retry takes the task over")
    eventually(
        lambda: [box.run_id for box in system.sandboxes(killed)] == [system.task(killed)["dagsterRunId"]],
        150,
        "only the retry's sandbox is left",
    )
    assert system.task(cancelled)["status"] == "cancelled"
    assert system.task(mine)["status"] == "failed"
    assert system.task(mine)["error"].startswith("its process vanished")
    assert system.task(killed)["status"] == "running"

    system.daemon().kill()
    told, _ = system.process.communicate(timeout=STOP_SECONDS)
    assert system.process.returncode != 0
    assert "Dagster's daemon ended with -9" in told
    assert marked_processes(system.home) == []
    assert left_of(docker_client, system.home) == []

    again = System(system.home)
    try:
        eventually(lambda: system.task(killed)["status"] != "running", 60, "the interrupted task is closed")
    finally:
        again.stop()
    assert marked_processes(system.home) == []
    assert left_of(docker_client, system.home) == []
    assert volumes_and_dangling_images(docker_client) <= before
