"""`repo-agent sandboxes` in the terminal."""

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from typer.testing import CliRunner

from repo_agent_dagster.cli.sandboxes import app
from repo_agent_dagster.sandbox.reaper import list_sandboxes
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec

pytestmark = pytest.mark.docker


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("REPO_AGENT_DATABASE_URL", raising=False)
    return tmp_path / "home"


@pytest.fixture
def living(sandbox_image: str, task_id: str, home: Path) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec(task_id, owner=str(home), deadline_seconds=300)) as box:
        yield box


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def test_sandboxes_are_listed_for_people_and_for_programs(living: Sandbox, task_id: str) -> None:
    shown = run("list").output
    (row,) = [row for row in json.loads(run("list", "--json").output) if row["taskId"] == task_id]

    assert living.id[:12] in shown
    assert (row["id"], row["status"], row["deadline"]) == (living.id, "running", living.deadline.isoformat())
    assert (row["network"], row["pathway"]) == ("setup-only", None)
    assert 0 < row["memoryBytes"] < 1 << 30


def test_a_young_sandbox_is_not_reaped(living: Sandbox) -> None:
    result = run("reap")

    assert (result.exit_code, result.output) == (0, "nothing to remove\n")
    assert living.exec("true").ok


def test_what_is_past_its_deadline_is_shown_first_and_then_reaped(
    sandbox_image: str, task_id: str, home: Path, docker_client: docker.DockerClient
) -> None:
    labels = {
        "repo-agent.task": task_id,
        "repo-agent.owner": str(home),
        "repo-agent.deadline": "2020-01-01T00:00:00+00:00",
    }
    name = f"repo-agent-test-{task_id}"
    docker_client.containers.create(sandbox_image, "true", name=name, labels=labels)

    shown, done = run("reap", "--dry-run"), run("reap")

    assert shown.output == f"would remove sandbox {name} of task {task_id}: its deadline passed\n"
    assert done.output == f"removed sandbox {name} of task {task_id}: its deadline passed\n"
    assert list_sandboxes(owner=str(home)) == []


def test_another_homes_sandboxes_are_reaped_only_by_its_name(
    living: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_AGENT_HOME", f"{home}-of-another")

    assert run("reap", "--all").output == "nothing to remove\n"
    assert f"removed sandbox {living.name}" in run("reap", "--all", "--owner", str(home)).output


def attach(which: str, script: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "repo_agent_dagster.cli.main", "sandboxes", "attach", which]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=False)


def test_a_script_is_run_in_the_sandbox_of_a_task(living: Sandbox, task_id: str) -> None:
    done = attach(task_id, "hostname; id -un; echo aside >&2; read line\nfrom the script\necho $line; exit 7\n")

    assert (done.returncode, done.stdout) == (7, "sandbox\nagent\nfrom the script\n")
    assert f"sandbox {living.name} of task {task_id}" in done.stderr
    assert f"it ends itself at {living.deadline:%H:%M:%S} UTC" in done.stderr
    assert "aside" in done.stderr


def test_a_person_at_a_terminal_gets_a_shell_with_its_size(living: Sandbox) -> None:
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 97, 0, 0))
    command = [sys.executable, "-m", "repo_agent_dagster.cli.main", "sandboxes", "attach", living.id[:10]]
    shell = subprocess.Popen(command, stdin=there, stdout=there, stderr=subprocess.DEVNULL, start_new_session=True)
    os.close(there)
    shown, asked = b"", False
    try:
        while b"31 97" not in shown:
            assert select.select([here], [], [], 30)[0], shown
            shown += os.read(here, 4096)
            if not asked and b"$" in shown:  # the prompt
                asked = True
                os.write(here, b"sleep 0.5; stty size\n")
        os.write(here, b"exit 5\n")
        assert shell.wait(30) == 5
    finally:
        shell.kill()
        shell.wait()
        os.close(here)


def test_what_cannot_be_attached_to_is_told_with_the_next_step(living: Sandbox) -> None:
    unknown = attach("no-such-task", "true\n")

    assert unknown.returncode == 2
    assert "no running sandbox has the id, name or task no-such-task; list them: repo-agent sandboxes list" in (
        unknown.stderr
    )


def test_a_shell_whose_sandbox_goes_away_says_why(living: Sandbox) -> None:
    command = [sys.executable, "-m", "repo_agent_dagster.cli.main", "sandboxes", "attach", living.name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        assert shell.stderr is not None
        shell.stdin.write(b"echo inside; sleep 60\n")
        shell.stdin.flush()
        assert shell.stdout.readline() == b"inside\n"
        living.destroy()
        told = shell.stderr.read().decode()
        assert shell.wait(30) == 2
    assert "is gone while the shell was open: its task is over, or somebody removed it" in told


def test_the_image_is_made_sure_of(sandbox_image: str, home: Path) -> None:
    result = run("image", "build")

    assert result.exit_code == 0, result.output
    assert "repo-agent/sandbox:latest is sha256:" in result.output


def test_the_engine_is_made_sure_of_told_and_not_stopped_when_it_is_not_ours(sandbox_image: str, home: Path) -> None:
    assert run("engine", "start").output == "a Docker engine answers\n"
    assert "not started from here" in run("engine", "status").output
    assert run("engine", "stop").output == "no engine was started from here\n"
    assert run("engine", "status").exit_code == 0


def test_a_silent_engine_is_told_with_the_next_step(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    result = run("engine", "status")

    assert result.exit_code == 1
    assert "repo-agent sandboxes engine start" in result.output


@pytest.mark.parametrize("command", [[], ["list"], ["reap"], ["attach"], ["image", "build"], ["engine"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert "Usage" in result.output
