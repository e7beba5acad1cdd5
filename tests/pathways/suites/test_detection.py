"""How the test command is found, from what a repository tracks."""

import json
from collections.abc import Mapping

import pytest

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.suites.detection import NoTestCommand, detect_test_command


def facts(texts: Mapping[str, str] | None = None, *, tests: tuple[str, ...] = ()) -> RepositoryFacts:
    texts = texts or {}
    return RepositoryFacts(frozenset(texts), frozenset(tests), texts)


def package(script: str | None) -> str:
    return json.dumps({"name": "x", "scripts": {} if script is None else {"test": script}})


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (facts({"pyproject.toml": "[tool.pytest.ini_options]\n"}), "pyproject.toml configures pytest"),
        (facts({"pyproject.toml": "[project]\nname = 'x'\n[tool.pytest]\n"}), "pyproject.toml configures pytest"),
        (facts({"pytest.ini": ""}), "there is a pytest.ini"),
        (facts({"setup.cfg": "[metadata]\n[tool:pytest]\n"}), "setup.cfg configures pytest"),
        (facts({"tox.ini": "[tox]\n[pytest]\n"}), "tox.ini configures pytest"),
        (facts(tests=("tests/test_a.py",)), "such as tests/test_a.py"),
    ],
)
def test_pytest_is_recognised(found: RepositoryFacts, reason: str) -> None:
    command = detect_test_command(found)

    assert command.ecosystem == "python"
    assert command.argv[:3] == ("python3", "-m", "pytest")
    assert command.runner == "pytest"
    assert reason in command.reason


@pytest.mark.parametrize(
    ("script", "runner"),
    [
        ("node --test", "node:test"),
        ("node --import tsx --test src/", "node:test"),
        ("vitest run --coverage", "vitest"),
        ("NODE_ENV=test jest --ci && tsd", "jest"),
        ("react-scripts test", "jest"),
        ("nyc mocha -R dot", "mocha"),
        ("playwright test", "playwright"),
        ("tape test/*.js", "tap"),
        ("eslint .", "npm"),
    ],
)
def test_npm_test_is_recognised_with_the_runner_that_its_script_starts(script: str, runner: str) -> None:
    command = detect_test_command(facts({"package.json": package(script)}))

    assert (command.ecosystem, command.argv, command.runner) == ("node", ("npm", "test"), runner)


def test_a_script_with_its_own_reporter_need_not_leave_a_report() -> None:
    command = detect_test_command(facts({"package.json": package("node --test --test-reporter=tap")}))

    assert not command.reports_itself


@pytest.mark.parametrize(("name", "runner"), [("go.mod", "go"), ("Cargo.toml", "cargo")])
def test_other_languages_are_recognised_by_their_manifest(name: str, runner: str) -> None:
    command = detect_test_command(facts({name: "", "package.json": package(None)}))

    assert (command.runner, command.argv[:2], command.folder) == (runner, (runner, "test"), "")


def test_python_tests_win_over_a_package_json_and_the_choice_is_told() -> None:
    command = detect_test_command(facts({"package.json": package("jest")}, tests=("test_a.py",)))

    assert command.ecosystem == "python"
    assert "name it as test_command" in command.reason


def test_the_tasks_own_command_wins_and_is_run_by_a_shell() -> None:
    command = detect_test_command(facts(tests=("test_a.py",)), "make check | tee log")

    assert command.ecosystem == "custom"
    assert command.argv == ("bash", "-o", "pipefail", "-c", "make check | tee log")


def test_a_blank_command_is_none() -> None:
    assert detect_test_command(facts(tests=("test_a.py",)), "  ").ecosystem == "python"


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"pyproject.toml": "[tool.ruff]\n"},
        {"package.json": package(None)},
        {"package.json": "not json"},
        {"package.json": "[]"},
        {"package.json": '{"scripts": {"test": 1}}'},
        {"package.json": package('echo "Error: no test specified" && exit 1')},
    ],
)
def test_nothing_found_says_what_was_looked_for(texts: dict[str, str]) -> None:
    with pytest.raises(
        NoTestCommand, match=r"Looked for: a pytest section .* test script in package.json.*test_command"
    ):
        detect_test_command(facts(texts))


def test_npms_placeholder_is_named() -> None:
    with pytest.raises(NoTestCommand, match="npm's placeholder"):
        detect_test_command(facts({"package.json": package('echo "Error: no test specified" && exit 1')}))
