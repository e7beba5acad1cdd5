"""`migrate-staging inventory` and `init` as a user meets them: what they print, what they write, and the exit code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from repo_agent_dagster.cli.errors import FaultTellingGroup
from repo_agent_dagster.cli.staging_init import init_command
from repo_agent_dagster.cli.staging_inventory import inventory_command
from repo_agent_dagster.migration import load_manifest
from tests.migration.conftest import read_tree, write_tree

Run = Callable[..., Result]
FILES = {
    "src/a.ts": "// Sells [things].\nimport './b';\nimport '../../utils';\nimport 'left-pad';\n",
    "src/b.ts": "export const b = 1;\n",
    "wrangler.toml": 'name = "shop"\n',
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with two units in STAGING and a monorepo, where the settings say."""
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    write_tree(tmp_path / "STAGING" / "shop", FILES)
    write_tree(tmp_path / "STAGING" / "docs", {"README.md": "# Docs\n"})
    write_tree(tmp_path / "STAGING" / "manifests", {"readme.txt": "kept apart"})
    write_tree(tmp_path / "monorepo", {"package.json": '{"workspaces": ["workers/*"]}'})
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    app = typer.Typer(cls=FaultTellingGroup)
    app.command("inventory")(inventory_command)
    app.command("init")(init_command)

    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


def test_a_unit_is_shown_file_by_file_with_what_is_open(run: Run) -> None:
    result = run("inventory", "shop")

    assert result.exit_code == 0
    assert "Sells [things]." in result.stdout
    assert "open import src/a.ts:3 ../../utils: climbs out of the unit" in result.stdout
    assert "not declared left-pad" in result.stdout
    assert "3 files, 6 lines, 1 packages, 0 test cases" in result.stdout


def test_without_a_name_all_units_of_staging_are_shown(run: Run) -> None:
    told = json.loads(run("inventory", "--json").stdout)

    assert [one["unit"] for one in told] == ["docs", "shop"]
    assert "2 units" in run("inventory").stdout


def test_a_page_and_markdown_are_written_where_asked(run: Run, home: Path) -> None:
    result = run("inventory", "shop", "--html", home / "i.html", "--md", home / "i.md")

    assert result.exit_code == 0
    assert (home / "i.html").read_text().startswith("<!doctype html>")
    assert (home / "i.md").read_text().startswith("# Inventory of shop")
    assert str(home / "i.html") in result.stdout


def test_a_unit_that_is_not_there_and_a_file_that_cannot_be_written_are_told(run: Run, home: Path) -> None:
    gone, unwritable = run("inventory", "gone"), run("inventory", "shop", "--html", home / "no" / "i.html")

    assert (gone.exit_code, unwritable.exit_code) == (2, 2)
    assert "there is no unit gone" in gone.stderr
    assert "i.html cannot be written" in unwritable.stderr


def test_init_writes_a_manifest_that_loads_and_says_what_comes_next(run: Run, home: Path) -> None:
    result = run("init", "shop")

    assert result.exit_code == 0
    assert load_manifest(home / "STAGING" / "shop").destination == "workers/shop"
    assert "shop → workers/shop" in result.stdout
    assert "migrate-staging plan shop" in result.stdout


def test_init_prints_and_writes_nothing(run: Run, home: Path) -> None:
    before = read_tree(home / "STAGING")

    result = run("init", "shop", "--print", "--into", home / "monorepo")

    assert "destination: workers/shop" in result.stdout
    assert read_tree(home / "STAGING") == before


def test_init_never_replaces_a_manifest_unless_it_is_forced(run: Run, home: Path) -> None:
    path = home / "STAGING" / "shop" / "migration-manifest.yaml"
    path.write_text("mine: yes\n")

    refused = run("init", "shop")
    kept = path.read_text()
    forced = run("init", "shop", "--force")

    assert (refused.exit_code, kept) == (2, "mine: yes\n")
    assert "--force replaces it" in refused.stderr
    assert forced.exit_code == 0
    assert load_manifest(path.parent).unit == "shop"


def test_init_writes_a_central_manifest_and_never_a_second_one(run: Run, home: Path) -> None:
    staging = home / "STAGING"

    central = run("init", "shop", "--central", staging)
    second = run("init", "shop", "--force")

    assert central.exit_code == 0
    assert load_manifest(staging / "shop").unit == "shop"
    assert second.exit_code == 2
    assert "one unit has one manifest" in second.stderr
    assert not (staging / "shop" / "migration-manifest.yaml").exists()


def test_init_does_not_write_through_a_symlink(run: Run, home: Path) -> None:
    victim = home / "victim.yaml"
    victim.write_text("victim")
    (home / "STAGING" / "shop" / "migration-manifest.yaml").symlink_to(victim)

    result = run("init", "shop", "--force")

    assert result.exit_code == 2
    assert victim.read_text() == "victim"
