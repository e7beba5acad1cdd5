"""Making sure of an engine: which step is taken when, and that only what we started is stopped."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import docker.errors
import psutil
import pytest
import requests

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.sandbox.docker_engine import (
    EngineMissing,
    EngineSteps,
    Progress,
    apt_get,
    engine_errors,
    engine_summary,
    ensure_engine,
    machine_steps,
    start_detached,
    started_engine,
    stop_engine,
    why_no_engine,
)
from repo_agent_dagster.sandbox.spec import SandboxSpecError, SandboxUnavailable


class Machine:
    """A machine to decide about: what it has, and what was done to it."""

    def __init__(self, *, programs: set[str], root: bool = True, answers_after_start: bool = True) -> None:
        self.programs = programs
        self.root = root
        self.answers_after_start = answers_after_start
        self.running = False
        self.done: list[str] = []

    def steps(self) -> EngineSteps:
        return EngineSteps(
            why_none=lambda: None if self.running else "connection refused",
            is_root=lambda: self.root,
            find=lambda name: f"/usr/bin/{name}" if name in self.programs else None,
            install=self.install,
            start=self.start,
        )

    def install(self, say: Progress) -> None:
        self.done.append("install")
        self.programs.add("dockerd")

    def start(self, folder: Path, command: str) -> None:
        self.done.append(f"start {command}")
        self.running = self.answers_after_start


@pytest.fixture(autouse=True)
def _local_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def test_an_engine_that_answers_is_used(tmp_path: Path) -> None:
    machine = Machine(programs={"apt-get", "dockerd"})
    machine.running = True

    ensure_engine(tmp_path, steps=machine.steps())

    assert machine.done == []


def test_an_installed_engine_is_started(tmp_path: Path) -> None:
    machine, said = Machine(programs={"apt-get", "dockerd"}), []

    ensure_engine(tmp_path, say=said.append, steps=machine.steps())

    assert machine.done == ["start /usr/bin/dockerd"]
    assert any("dockerd.log" in message for message in said)


def test_a_missing_engine_is_installed_then_started_and_said(tmp_path: Path) -> None:
    machine, said = Machine(programs={"apt-get"}), []

    ensure_engine(tmp_path, say=said.append, steps=machine.steps())

    assert machine.done == ["install", "start /usr/bin/dockerd"]
    assert said[0] == "no Docker engine here: installing docker.io with apt-get"


def test_who_is_not_root_is_told_what_to_do(tmp_path: Path) -> None:
    machine = Machine(programs={"apt-get", "dockerd"}, root=False)

    with pytest.raises(EngineMissing, match=r"connection refused.*usermod -aG docker"):
        ensure_engine(tmp_path, steps=machine.steps())

    assert machine.done == []


def test_a_system_without_apt_is_told_to_install_docker(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match="no apt-get"):
        ensure_engine(tmp_path, steps=Machine(programs=set()).steps())


def test_a_remote_engine_that_is_silent_is_not_replaced_by_a_local_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker.example:2376")
    machine = Machine(programs={"apt-get", "dockerd"})

    with pytest.raises(EngineMissing, match=r"tcp://docker\.example:2376"):
        ensure_engine(tmp_path, steps=machine.steps())

    assert machine.done == []


def test_an_engine_that_dies_at_its_start_shows_its_log(tmp_path: Path) -> None:
    machine = Machine(programs={"dockerd"}, answers_after_start=False)
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "dockerd.log").write_text("failed to load iptables\n")

    with pytest.raises(EngineMissing, match="failed to load iptables"):
        ensure_engine(tmp_path, steps=machine.steps())


def sleeper(tmp_path: Path) -> str:
    script = tmp_path / "sleeper"
    script.write_text("#!/bin/sh\necho started\nexec sleep 300\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


def test_what_we_started_runs_in_its_own_session_and_is_stopped_by_its_record(tmp_path: Path) -> None:
    start_detached(tmp_path / "docker", sleeper(tmp_path))
    process = started_engine(tmp_path)
    assert process is not None
    assert os.getsid(process.pid) == process.pid

    assert stop_engine(tmp_path)

    assert not psutil.pid_exists(process.pid)
    assert started_engine(tmp_path) is None
    assert not stop_engine(tmp_path)


def test_a_process_that_got_the_recorded_pid_later_is_left_alone(tmp_path: Path) -> None:
    start_detached(tmp_path / "docker", sleeper(tmp_path))
    process = started_engine(tmp_path)
    assert process is not None
    record = tmp_path / "docker" / "dockerd.json"
    record.write_text(f'{{"pid": {process.pid}, "created": {process.create_time() - 60}}}')

    try:
        assert not stop_engine(tmp_path)
        assert process.is_running()
    finally:
        process.kill()
        process.wait()


def test_a_failing_apt_get_shows_the_end_of_its_output() -> None:
    with pytest.raises(EngineMissing, match=r"(?s)apt-get nonsense failed.*nonsense"):
        apt_get(["nonsense"], dict(os.environ))


def test_an_engine_that_does_not_answer_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    assert "refused" in (why_no_engine() or "")


def _api_error(status: int) -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = status
    return docker.errors.APIError("no", response=response, explanation="because")


@pytest.mark.parametrize(
    ("error", "ours", "kind"),
    [
        (lambda: docker.errors.ImageNotFound("x", explanation="No such image"), SandboxSpecError, PermanentFault),
        (lambda: _api_error(400), SandboxSpecError, PermanentFault),
        (lambda: _api_error(500), SandboxUnavailable, TransientFault),
        (lambda: docker.errors.NotFound("x"), SandboxUnavailable, TransientFault),
        (lambda: requests.ConnectionError("refused"), SandboxUnavailable, TransientFault),
    ],
)
def test_dockers_errors_become_ours(
    error: Callable[[], Exception], ours: type[Exception], kind: type[Exception]
) -> None:
    with pytest.raises(ours) as raised, engine_errors("doing it"):
        raise error()

    assert isinstance(raised.value, kind)
    assert "doing it" in str(raised.value)


@pytest.mark.docker
def test_the_engine_here_answers_and_tells_its_version(docker_client: docker.DockerClient, tmp_path: Path) -> None:
    assert why_no_engine() is None
    assert engine_summary().startswith("Docker ")
    ensure_engine(tmp_path, steps=machine_steps())
    assert started_engine(tmp_path) is None
