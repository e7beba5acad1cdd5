"""`repo-agent sandboxes` in the terminal."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from repo_agent_dagster.cli.sandboxes import app
from repo_agent_dagster.sandbox import reaper
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


def test_a_young_sandbox_is_not_reaped(living: Sandbox) -> None:
    result = run("reap")

    assert (result.exit_code, result.output) == (0, "nothing to remove\n")
    assert living.exec("true").ok


def test_a_sandbox_of_an_unknown_task_is_reaped(
    living: Sandbox, task_id: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reaper._live
    old = datetime(2020, 1, 1, tzinfo=UTC)
    import dataclasses

    monkeypatch.setattr(reaper, "_live", lambda container: dataclasses.replace(real(container), created_at=old))

    result = run("reap")

    assert f"of task {task_id}: its task or its run is over" in result.output
    assert list_sandboxes(owner=str(home)) == []


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


@pytest.mark.parametrize("command", [[], ["list"], ["reap"], ["image", "build"], ["engine"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert "Usage" in result.output
