"""A migrated unit is checked in a real sandbox, and each way in which that can end is told apart."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.migration import ValidateCommand
from repo_agent_dagster.migration import CheckReport, execute, load_manifest, plan
from repo_agent_dagster.migration.checks.commands import run_commands
from repo_agent_dagster.migration.checks.typecheck import type_check
from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.migration.conftest import write_tree

UNIT = "feedback-worker"
DESTINATION = f"apps/{UNIT}"


def commands(*lines: str) -> list[ValidateCommand]:
    return [ValidateCommand(run=line) for line in lines]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec(task_id="test-typecheck", network="none", deadline_seconds=300)) as sandbox:
        yield sandbox


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    return Path(shutil.copytree(packaged_path("examples", "STAGING", UNIT), tmp_path / "STAGING" / UNIT))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return Path(shutil.copytree(packaged_path("examples", "monorepo"), tmp_path / "monorepo"))


@pytest.mark.docker
def test_the_example_unit_migrates_and_type_checks(
    box: Sandbox, unit: Path, target: Path, sqlite_store: Engine, now: datetime
) -> None:
    custody = StoreCustody(sqlite_store)
    planned = plan(unit, target, load_manifest(unit))
    assert planned.unresolved == ()
    assert planned.dead_rules == ()

    execute(planned, custody=custody, now=now)
    check = type_check(box, target, DESTINATION)

    assert check.outcome == "passed", check.output
    assert check.findings == ()


@pytest.mark.docker
def test_the_example_unit_does_not_type_check_as_it_came(box: Sandbox, unit: Path, target: Path) -> None:
    shutil.copytree(unit, target / DESTINATION)

    check = type_check(box, target, DESTINATION)

    assert check.outcome == "findings"
    assert {finding.code for finding in check.findings} >= {"TS2307"}


@pytest.mark.docker
def test_a_broken_unit_fails_with_file_and_line(
    box: Sandbox, unit: Path, target: Path, sqlite_store: Engine, now: datetime
) -> None:
    custody = StoreCustody(sqlite_store)
    source = unit / "src" / "index.ts"
    source.write_text(source.read_text() + "\nexport const wrong: number = 'text';\n")
    line = len(source.read_text().splitlines())

    execute(plan(unit, target, load_manifest(unit)), custody=custody, now=now)
    check = type_check(box, target, DESTINATION)

    (finding,) = check.findings
    assert (finding.file, finding.line, finding.code) == (f"{DESTINATION}/src/index.ts", line, "TS2322")
    assert f"{DESTINATION}/src/index.ts:{line}: TS2322" in check.message


@pytest.mark.docker
def test_the_commands_of_a_manifest_run_in_the_destination_up_to_the_first_that_fails(
    box: Sandbox, tmp_path: Path
) -> None:
    tree = write_tree(tmp_path, {"apps/u/data.txt": "hello", "node_modules/x": "", ".git/HEAD": ""})

    passed = run_commands(box, tree, "apps/u", commands("grep -q hello data.txt", "test ! -e ../../.git"))
    failed = run_commands(box, tree, "apps/u", commands("true", "echo oh no; exit 3", "touch never"))

    assert (passed.outcome, passed.message) == ("passed", "2 commands passed")
    assert (failed.outcome, failed.message) == ("failed", "echo oh no; exit 3 ended with exit code 3")
    assert "oh no" in failed.output
    assert box.exec("ls /workspace/tree/apps/u").stdout.split() == ["data.txt"]


@pytest.mark.docker
def test_diagnostics_of_a_command_in_the_destination_name_files_of_the_target_root(
    box: Sandbox, tmp_path: Path
) -> None:
    tree = write_tree(tmp_path, {"apps/u/a.ts": "let x: { a: { b: number } } = { a: { b: 'x' } };\nx;", "b.ts": ""})

    check = run_commands(box, tree, "apps/u", commands("tsc --noEmit --pretty false --skipLibCheck --lib es2022 a.ts"))

    assert [(finding.file, finding.line, finding.code) for finding in check.findings] == [("apps/u/a.ts", 1, "TS2322")]


@pytest.mark.docker
@pytest.mark.parametrize("command", ["no-such-tool --now", "npx-of-dreams"])
def test_a_missing_tool_is_no_finding(box: Sandbox, tmp_path: Path, command: str) -> None:
    check = run_commands(box, write_tree(tmp_path, {"u/a": ""}), "u", commands(command))

    assert check.outcome == "tool_missing"
    assert "the sandbox" in check.message


@pytest.mark.docker
def test_a_check_that_does_not_end_is_stopped(box: Sandbox, tmp_path: Path) -> None:
    check = run_commands(box, write_tree(tmp_path, {"u/a": ""}), "u", commands("sleep 60"), timeout_seconds=1)

    assert (check.outcome, check.message) == ("timed_out", "sleep 60 did not end within 1 s and was stopped")
    assert not check.ok


@pytest.mark.docker
def test_a_broken_tsconfig_is_a_finding_of_the_project(box: Sandbox, tmp_path: Path) -> None:
    tree = write_tree(tmp_path, {"u/tsconfig.json": '{"include": ["nothing"]}'})

    check = type_check(box, tree, "u")

    assert [(finding.file, finding.code) for finding in check.findings] == [("", "TS18003")]
    assert not check.ok


@pytest.mark.docker
def test_files_of_an_earlier_check_are_gone(box: Sandbox, tmp_path: Path) -> None:
    run_commands(box, write_tree(tmp_path / "one", {"u/old": ""}), "u", commands("true"))

    check = run_commands(box, write_tree(tmp_path / "two", {"u/new": ""}), "u", commands("ls"))

    assert check.output.split() == ["$", "ls", "new"]


@pytest.mark.docker
def test_without_tsconfig_and_commands_nothing_is_checked(box: Sandbox, tmp_path: Path) -> None:
    check: CheckReport = type_check(box, write_tree(tmp_path, {"u/a.ts": ""}), "u")

    assert (check.outcome, check.ok, check.ran) == ("nothing_to_check", True, False)
