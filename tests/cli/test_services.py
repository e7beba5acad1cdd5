"""The supervisor's parts: one for each home, leftovers found by their mark, a taken port told before any start."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from repo_agent_dagster.cli.services import (
    DagsterServices,
    ServicesFailed,
    end_processes,
    free_port,
    home_lock,
    marked_processes,
)
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.settings import Settings

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def marked(home: Path, command: list[str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command,
        env={**os.environ, "REPO_AGENT_SUPERVISED_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize("command", [SLEEPER, STUBBORN])
def test_a_leftover_is_found_by_its_mark_and_ended_even_if_it_ignores_sigterm(
    tmp_path: Path, command: list[str]
) -> None:
    leftover = marked(tmp_path, command)
    other = marked(tmp_path / "other", SLEEPER)
    try:
        found = marked_processes(tmp_path)
        assert [process.pid for process in found] == [leftover.pid]
        end_processes(found, grace_seconds=1)
        assert marked_processes(tmp_path) == []
        assert other.poll() is None
    finally:
        for process in (leftover, other):
            process.kill()
            process.communicate()


def test_a_home_has_one_supervisor_and_the_second_is_told_its_process(tmp_path: Path) -> None:
    with home_lock(tmp_path), pytest.raises(PermanentFault, match=f"process {os.getpid()}"), home_lock(tmp_path):
        pass
    with home_lock(tmp_path):
        pass


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        services = DagsterServices(Settings(home=tmp_path, webserver_port=taken.getsockname()[1]))
        with pytest.raises(PermanentFault, match="REPO_AGENT_WEBSERVER_PORT"):
            services.start()
    assert marked_processes(tmp_path) == []


def test_a_service_that_ends_is_told_with_the_last_lines_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_AGENT_SANDBOX_CPUS", "many")  # the code location cannot load with it
    settings = Settings.model_construct(
        **{**Settings.model_construct().__dict__, "home": tmp_path, "webserver_port": free_port("127.0.0.1")}
    )
    services = DagsterServices(settings)
    try:
        services.start()
        with pytest.raises(ServicesFailed, match="sandbox_cpus"):
            services.wait_until_ready(timeout_seconds=90)
    finally:
        services.stop()
    assert marked_processes(tmp_path) == []
