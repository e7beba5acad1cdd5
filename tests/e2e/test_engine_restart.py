"""What a Docker engine that is restarted, or killed and started again, leaves of sandboxes: nothing."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from repo_agent_dagster.store.ids import new_id
from tests.e2e.second_engine import SecondEngine

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.docker,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("dockerd") is None, reason="needs root and dockerd"),
]

BUILT_IN = ("bridge", "host", "none")

# A sandbox, a proxy on a network for it, and a command that hangs. (An allowlist sandbox would need more programs.)
HOLDS = """
import sys
from repo_agent_dagster.sandbox import Sandbox, SandboxSpec, SandboxUnavailable
from repo_agent_dagster.sandbox.network import open_way_out
owner, task = sys.argv[1:]
box = Sandbox.create(SandboxSpec(task, run_id="run", network="none", owner=owner, deadline_seconds=300))
open_way_out(box.name, SandboxSpec(task, run_id="run", network="allowlist", owner=owner), box.deadline)
print("holds", flush=True)
try:
    box.exec(["python3", "-c", "import time; time.sleep(200)"], cwd="/")
except SandboxUnavailable as error:
    print(f"told: {error}", flush=True)
"""
REAPS = """
import sys
from datetime import UTC, datetime, timedelta
from repo_agent_dagster.sandbox import list_sandboxes, reap
later = datetime.now(UTC) + timedelta(seconds=61)
reaping = reap(is_over=lambda live: False, now=later, owner=sys.argv[1])
print(sorted(gone.kind for gone in reaping.removed), reaping.problems, list_sandboxes())
"""


@pytest.fixture(scope="module")
def second(sandbox_image: str) -> Iterator[SecondEngine]:
    # Not pytest's own folder: the path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="second-engine-") as folder:
        engine = SecondEngine(Path(folder))
        try:
            engine.start()
            engine.take_python()
            yield engine
        finally:
            engine.remove()


def wait_until_empty(client: docker.DockerClient) -> None:
    """Wait until there is no container; the engine removes those that ended with it after it has come up."""
    limit = time.monotonic() + 30
    while found := client.containers.list(all=True, ignore_removed=True):
        assert time.monotonic() < limit, found
        time.sleep(0.2)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_restarted_engine_leaves_nothing_and_the_command_is_told(
    second: SecondEngine, ending: signal.Signals
) -> None:
    owner = f"/home/{new_id()}"
    holder = second.python(HOLDS, owner, new_id())
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holds\n", holder.communicate()[1]

    second.end(ending)
    told, error = holder.communicate(timeout=60)
    second.start()
    reaper = second.python(REAPS, owner)
    reaped, problem = reaper.communicate(timeout=60)

    assert told.startswith("told: "), error
    assert reaped == "['network'] [] []\n", problem
    client = docker.DockerClient(second.address, timeout=30)
    try:
        wait_until_empty(client)
        assert client.volumes.list() == []
        assert [network.name for network in client.networks.list() if network.name not in BUILT_IN] == []
        assert client.images.list(filters={"dangling": True}) == []
    finally:
        client.close()
