"""Which of a patch's files are source, tests, or the runner's configuration."""

import pytest

from repo_agent_dagster.contracts.validation import PatchedFile
from repo_agent_dagster.pathways.validation.roles import Role, changes_runner, must_be_restored, role_of


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("invoicing/money.py", "source"),
        ("contest.py", "source"),
        ("src/latest/index.ts", "source"),
        ("tests/test_money.py", "test"),
        ("tests/data/invoice.json", "test"),
        ("pkg/money_test.go", "test"),
        ("src/app.spec.tsx", "test"),
        ("src/__tests__/app.ts", "test"),
        ("test.js", "test"),
        ("conftest.py", "runner_configuration"),
        ("tests/unit/conftest.py", "runner_configuration"),
        ("pytest.ini", "runner_configuration"),
        ("jest.config.ts", "runner_configuration"),
        (".mocharc.json", "runner_configuration"),
        (".repo-agent.yaml", "runner_configuration"),
        ("src/sitecustomize.py", "runner_configuration"),
    ],
)
def test_a_files_name_tells_its_role(path: str, role: Role) -> None:
    assert role_of(path, None) == role


@pytest.mark.parametrize(
    ("path", "globs", "restored"),
    [
        ("tests/test_a.py", ["tests/test_a.py"], False),
        ("tests/test_b.py", ["tests/test_a.py"], True),
        ("tests/deep/test_b.py", ["tests/**"], False),
        ("tests/deep/test_b.py", ["tests"], False),
        ("tests/deep/test_b.py", ["tests/*.py"], True),
        ("deep/conftest.py", ["conftest.py"], False),
        ("conftest.py", ["tests/**"], True),
        ("src/money.py", ["tests/**"], False),
    ],
)
def test_what_the_task_declares_may_be_changed_and_no_other_test(path: str, globs: list[str], restored: bool) -> None:
    change = PatchedFile(path=path, change="modified", role=role_of(path, globs))

    assert must_be_restored(change, globs, {}, {}) is restored


@pytest.mark.parametrize(
    ("path", "before", "after", "changed"),
    [
        ("pyproject.toml", '[project]\nversion = "1"\n', '[project]\nversion = "2"\n', False),
        ("pyproject.toml", "", '[tool.pytest.ini_options]\naddopts = "-k nothing"\n', True),
        ("a/pyproject.toml", "[tool.pytest.ini_options]\nx = 1\n", "[tool.ruff]\n", True),
        ("pyproject.toml", "", "[tool.pytest", True),
        ("setup.cfg", "[metadata]\nname = a\n", "[metadata]\nname = b\n", False),
        ("setup.cfg", "[metadata]\n", "[metadata]\n[tool:pytest]\naddopts = -x\n", True),
        ("package.json", '{"version": "1"}', '{"version": "2", "dependencies": {"x": "1"}}', False),
        ("package.json", '{"scripts": {"test": "node --test"}}', '{"scripts": {"test": "true"}}', True),
        ("package.json", "{}", "[]", True),
        ("money.py", "a", "b", False),
    ],
)
def test_only_the_runners_part_of_a_mixed_file_counts(path: str, before: str, after: str, changed: bool) -> None:
    assert changes_runner(path, before.encode(), after.encode()) is changed
