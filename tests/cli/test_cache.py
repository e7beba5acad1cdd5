"""`repo-agent cache`: what is kept for the next task, and what goes."""

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from repo_agent_dagster.cli.main import app
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a repository that has a mirror."""
    origin = tmp_path / "origin"
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    return Repositories(tmp_path / "home/mirrors", frozenset({"file"})).mirror(str(origin)).url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["cache", *arguments])


def test_an_empty_cache_tells_its_budgets() -> None:
    assert "mirrors: 0.0 MiB of 20480 MiB" in run("ls").output
    assert run("prune").output == "nothing to remove\n"


def test_a_mirror_is_listed_with_its_url_size_and_use(url: str) -> None:
    assert url in run("ls").output

    listed = json.loads(run("ls", "--json").output)

    [kept] = listed["mirrors"]["kept"]
    assert (kept["url"], kept["inUse"]) == (url, False)
    assert kept["bytes"] > 0
    assert listed["mirrors"]["budget"] == 20_480 << 20
    assert listed["setups"]["kept"] == []


def test_what_fits_into_the_budget_stays_and_all_goes_when_asked(url: str) -> None:
    assert run("prune", "--to-mb", "1").output == "nothing to remove\n"
    assert run("prune", "--setups", "--all").output == "nothing to remove\n"
    assert f"would remove the mirror of {url}" in run("prune", "--all", "--dry-run").output

    removed = json.loads(run("prune", "--mirrors", "--all", "--json").output)

    assert [one["url"] for one in removed["removed"]] == [url]
    assert json.loads(run("ls", "--json").output)["mirrors"]["kept"] == []


def test_all_and_a_size_at_once_is_wrong_input() -> None:
    assert run("prune", "--all", "--to-mb", "3").exit_code == 2
