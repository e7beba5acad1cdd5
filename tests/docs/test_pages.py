"""The pages do not lie where a machine can check them: links, commands, settings, and the rooms of the house."""

import re
import subprocess
from pathlib import Path

import pytest
import typer.main

from repo_agent_dagster.cli import main, migrate_staging, patchctl
from repo_agent_dagster.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), ROOT / "benchmarks/README.md"])
APPS = {"repo-agent": main.app, "patchctl": patchctl.app, "migrate-staging": migrate_staging.app}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_a_code_block_exists(page: Path) -> None:
    for line in re.findall(
        r"^    (?:\.venv/bin/)?((?:repo-agent|patchctl|migrate-staging) .*)$", page.read_text(), re.M
    ):
        program, *words = line.split()
        command = typer.main.get_command(APPS[program])
        for word in words:
            children = getattr(command, "commands", None)
            if not children or word.startswith("-"):
                break
            assert word in children, line
            command = children[word]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    known = {f"REPO_AGENT_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"REPO_AGENT_[A-Z_]+[A-Z]\b", page.read_text())) <= known


def test_the_top_level_is_what_the_architecture_lists() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.partition("/")[0] for line in tracked.splitlines()} == {
        *(".ci", ".gitignore", "CHANGELOG.md", "Makefile", "README.md"),
        *("pyproject.toml", "requirements.lock", "requirements-dev.lock", "dagster.yaml", "workspace.yaml"),
        *("repo_agent_dagster", "assets", "jobs", "sensors", "schedules"),
        *("sql", "deploy", "examples", "benchmarks", "tests", "docs"),
    }
