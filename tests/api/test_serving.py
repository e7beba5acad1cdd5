"""`repo-agent api` as a process: it says where it is, serves, and ends when it is told to."""

import os
import re
import signal
import subprocess
import sys

import httpx2
import pytest
from typer.testing import CliRunner

from repo_agent_dagster.api.serving import CannotListen, listening, url_at
from repo_agent_dagster.cli.main import app
from repo_agent_dagster.settings import Settings


def started(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "repo_agent_dagster.cli.main", "api", *arguments],
        env={**os.environ, "REPO_AGENT_HOME": str(settings.home), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        said, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, " ".join(said.split())


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_where_it_says_until_it_is_told_to_end(settings: Settings, signum: signal.Signals) -> None:
    process = started(settings, "--port", "0")
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found is not None
        assert httpx2.get(f"{found[0]}/healthz", timeout=30, trust_env=False).json() == {"status": "ok"}
    finally:
        process.send_signal(signum)
        code, said = ended(process)
    assert (code, said.endswith("stopped")) == (0, True), said


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"REPO_AGENT_API_HOST": "0.0.0.0"}, "set REPO_AGENT_API_TOKEN, or listen on 127.0.0.1"),
        ({"REPO_AGENT_API_TOKEN": "hunter2"}, "has 7 characters"),
        ({"REPO_AGENT_API_PORT": "http"}, "setting REPO_AGENT_API_PORT is 'http'"),
        ({"REPO_AGENT_DATABASE_URL": "mysql://x/y"}, "sqlite and postgresql are supported"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(settings: Settings, environment: dict[str, str], told: str) -> None:
    result = CliRunner().invoke(app, ["api"], env={"REPO_AGENT_HOME": str(settings.home), **environment})
    assert result.exit_code == 2
    assert told in result.stderr
    assert "hunter2" not in result.output


def test_a_taken_port_is_told() -> None:
    with listening("127.0.0.1", 0) as taken, pytest.raises(CannotListen, match="REPO_AGENT_API_PORT"):
        listening("127.0.0.1", taken.getsockname()[1])


def test_an_address_of_another_machine_is_told() -> None:
    for host in ("192.0.2.1", "no such name"):
        with pytest.raises(CannotListen, match="REPO_AGENT_API_HOST"):
            listening(host, 0)


def test_the_url_can_be_opened_as_it_is_told() -> None:
    hosts = {"127.0.0.1": "127.0.0.1", "0.0.0.0": "localhost", "::": "localhost", "::1": "[::1]"}
    assert {host: url_at(host, 80) for host in hosts} == {host: f"http://{told}:80" for host, told in hosts.items()}
