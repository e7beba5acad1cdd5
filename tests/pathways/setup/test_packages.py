"""What a command of a tree in a sandbox needs is installed before it runs, and nothing where it needs nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.migration import ValidateCommand
from repo_agent_dagster.migration.checks.commands import run_commands
from repo_agent_dagster.pathways.setup.packages import install_packages
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import NetworkPolicy, SandboxSpec
from tests.migration.conftest import write_tree

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("sandbox_image")]
PACKAGE = '{"name": "u", "scripts": {"test": "node test.js"}, "dependencies": {"is-odd": "3.0.1"}}'


@pytest.fixture(params=["setup-only", "none"])
def box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    network: NetworkPolicy = request.param
    with Sandbox.open(SandboxSpec(task_id="test-packages", network=network, deadline_seconds=300)) as sandbox:
        yield sandbox


@pytest.mark.parametrize("box", ["setup-only"], indirect=True)
def test_npm_packages_are_there_when_the_command_runs_and_the_network_is_not(box: Sandbox, tmp_path: Path) -> None:
    test = "require('is-odd'); require('dns').lookup('registry.invalid', (e) => process.exit(e ? 0 : 1));"
    write_tree(tmp_path, {"apps/u/package.json": PACKAGE, "apps/u/test.js": test})

    report = run_commands(box, tmp_path, "apps/u", [ValidateCommand(run="npm test")], install=install_packages)

    assert report.outcome == "passed", report.output
    assert any("package.json has dependencies" in note for note in report.notes)


@pytest.mark.parametrize("box", ["setup-only"], indirect=True)
def test_python_requirements_are_there_when_pytest_runs(box: Sandbox, tmp_path: Path) -> None:
    files = {"u/requirements.txt": "iniconfig\n", "u/test_it.py": "import iniconfig\n\ndef test_it() -> None: ...\n"}
    write_tree(tmp_path, files)

    report = run_commands(box, tmp_path, "u", [ValidateCommand(run="pytest -q")], install=install_packages)

    assert report.outcome == "passed", report.output


@pytest.mark.parametrize("box", ["none"], indirect=True)
def test_without_a_network_a_missing_package_is_told_before_the_command_fails(box: Sandbox, tmp_path: Path) -> None:
    write_tree(tmp_path, {"u/package.json": PACKAGE})

    report = run_commands(box, tmp_path, "u", [ValidateCommand(run="npm test")], install=install_packages)

    assert (report.outcome, report.ok) == ("tool_missing", False)
    assert "no network" in report.message


@pytest.mark.parametrize("box", ["none"], indirect=True)
def test_a_command_without_packages_needs_no_network(box: Sandbox, tmp_path: Path) -> None:
    write_tree(tmp_path, {"u/test_it.py": "def test_it() -> None: ...\n", "u/run.js": ""})

    commands = [ValidateCommand(run="pytest -q"), ValidateCommand(run="node run.js"), ValidateCommand(run="true")]
    report = run_commands(box, tmp_path, "u", commands, install=install_packages)

    assert report.outcome == "passed", report.output


@pytest.mark.parametrize("box", ["setup-only"], indirect=True)
def test_workspaces_are_installed_at_the_root_once(box: Sandbox, tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "package.json": '{"private": true, "workspaces": ["apps/*"]}',
            "apps/u/package.json": PACKAGE,
            "apps/u/test.js": "require('is-odd')",
        },
    )

    commands = [ValidateCommand(run="npm test"), ValidateCommand(run="npm test")]
    report = run_commands(box, tmp_path, "apps/u", commands, install=install_packages)

    assert report.outcome == "passed", report.output
    assert len(report.notes) == 1
