"""`repo-agent workspaces`: register, look, forget."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from repo_agent_dagster.cli.main import app


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["workspaces", *arguments])


def test_a_registered_workspace_is_listed_shown_and_forgotten(root: Path) -> None:
    assert run("list").output.startswith("no workspaces")
    assert run("add", str(root), "--check", "tsc").exit_code == 0
    assert "in a sandbox" in run("list").output
    shown = json.loads(run("show", "shop", "--json").output)
    assert (shown["name"], shown["root"], shown["check"], shown["trusted"]) == ("shop", str(root), "tsc", False)
    assert run("remove", str(root)).output == f"forgot shop at {root}\n"
    assert json.loads(run("list", "--json").output) == []
    assert run("show", "shop").exit_code == 2


def test_a_command_is_split_into_words_and_trust_is_told(root: Path) -> None:
    added = run("add", str(root), "--check-command", "npm run 'type check'", "--trusted")
    assert "on the host (trusted)" in added.output
    shown = json.loads(run("show", "shop", "--json").output)
    assert (shown["check"], shown["trusted"]) == ({"command": ["npm", "run", "type check"]}, True)


def test_adding_again_takes_away_what_is_not_given(root: Path) -> None:
    run("add", str(root), "--name", "web", "--check", "python", "--trusted")
    run("add", str(root))
    shown = json.loads(run("show", "web", "--json").output)
    assert (shown["check"], shown["trusted"]) == (None, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--check", "tsc", "--check-command", "make"], "either"),
        (["--check-command", "'unclosed"], "split into words"),
        (["--check-command", " "], "is empty"),
        (["--trusted"], "about the workspace's own check"),
    ],
)
def test_what_makes_no_sense_is_refused(root: Path, arguments: list[str], message: str) -> None:
    refused = run("add", str(root), *arguments)
    assert (refused.exit_code, message in " ".join(refused.output.split())) == (2, True)
    assert json.loads(run("list", "--json").output) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert run("add", str(tmp_path / "none")).exit_code == 2
