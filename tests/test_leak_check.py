"""The check after a whole session finds what that left behind, and nothing where nothing is left."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import docker
import docker.errors
import pytest

from repo_agent_dagster.store.ids import new_id

LEAKS = """
import subprocess, tempfile
import docker

def test_that_leaves_things():
    client = docker.from_env()
    labels = {"repo-agent.task": "leaked"}
    client.containers.create("repo-agent/sandbox:latest", "true", name="NAME", labels=labels)
    client.networks.create("NAME", internal=True, labels=labels)
    client.volumes.create("NAME")
    tempfile.mkdtemp(prefix="repo-agent-NAME")
    subprocess.Popen(["sleep", "97"], start_new_session=True)
"""
QUICK = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # other plugins take seconds to load
CLEAN = """
import subprocess, tempfile

def test_that_cleans_up():
    with tempfile.TemporaryDirectory(prefix="repo-agent-"):
        subprocess.Popen(["sleep", "0.1"])  # on its way out when the session ends
"""


def session(folder: Path, test: str, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a pytest session of one test, with a folder for temporary files of its own."""
    (folder / "test_one.py").write_text(test)
    (folder / "temporary").mkdir()
    mine = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider"]
    plugins = ["-p", "tests.leak_check", "-p", "xdist.plugin"]
    return subprocess.run(
        [*mine, *plugins, *options, str(folder / "test_one.py")],
        env={**os.environ, "TMPDIR": str(folder / "temporary"), **QUICK, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.docker
@pytest.mark.parametrize("options", [[], ["-n", "2"]])
def test_a_session_that_leaves_things_fails_and_names_them(
    options: list[str], tmp_path: Path, docker_client: docker.DockerClient, sandbox_image: str
) -> None:
    name = f"repo-agent-leak-{new_id()}"
    done = session(tmp_path, LEAKS.replace("NAME", name), "--leak-check", "--leak-patience", "1", *options)
    told = done.stdout.partition("left behind by this session:")[2].splitlines()
    for line in told:
        if line.endswith("sleep 97"):
            os.kill(int(line.split()[1]), 9)
    for kind in (docker_client.containers, docker_client.networks, docker_client.volumes):
        with suppress(docker.errors.NotFound):
            kind.get(name).remove()

    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
    for kind in (f"container {name}", f"network {name}", f"volume {name}", "temporary folder"):
        assert any(line.strip().startswith(kind) for line in told), kind
    assert any(line.endswith("sleep 97") for line in told)


@pytest.mark.parametrize("options", [["--leak-check"], []])
def test_a_session_that_leaves_nothing_passes(options: list[str], tmp_path: Path) -> None:
    # Without an engine: other tests use it at this moment.
    done = session(tmp_path, CLEAN, *options, DOCKER_HOST="unix:///no/such/socket")

    assert done.returncode == 0, done.stdout
    assert "left behind" not in done.stdout
