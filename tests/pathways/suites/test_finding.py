"""Which suites a repository has, from what it tracks."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.setup.file_names import PYTHON_TESTS
from repo_agent_dagster.pathways.suites.finding import Suite, find_suites
from repo_agent_dagster.pathways.suites.hints import Hints


def found(texts: Mapping[str, str], **imports: tuple[str, ...]) -> dict[str, Suite]:
    tests = frozenset(
        name for name in texts if name.rpartition("/")[2].startswith("test_") or name.endswith(PYTHON_TESTS[1][1:])
    )
    hints = Hints({kind.replace("_", ":"): frozenset(names) for kind, names in imports.items()})  # type: ignore[misc]
    suites = find_suites(RepositoryFacts(frozenset(texts), tests, texts), hints)
    return {suite.name: suite for suite in suites}


def package(scripts: Mapping[str, str] | None = None, **rest: Any) -> str:
    return json.dumps({"scripts": dict(scripts or {}), **rest})


def test_a_repository_of_python_and_node_has_a_suite_for_each_with_its_side() -> None:
    suites = found(
        {
            "pyproject.toml": "[tool.pytest.ini_options]\n",
            "tests/test_a.py": "",
            "web/package.json": package({"test": "vitest run"}, dependencies={"react": "19"}),
            "server/package.json": package({"test": "jest"}, dependencies={"express": "5"}),
        }
    )

    assert {name: (suite.side, suite.kind, suite.command.folder) for name, suite in suites.items()} == {
        "pytest": ("backend", "unit", ""),
        "server: jest": ("backend", "unit", "server"),
        "web: vitest": ("frontend", "unit", "web"),
    }


def test_tests_in_a_folder_for_end_to_end_tests_are_a_suite_of_their_own() -> None:
    suites = found({"tests/test_a.py": "", "tests/e2e/test_b.py": ""})

    assert suites["pytest"].command.argv[3:] == ("--ignore=tests/e2e",)
    assert (suites["pytest (e2e)"].kind, suites["pytest (e2e)"].command.argv[3:]) == ("e2e", ("tests/e2e",))


def test_each_project_of_a_monorepo_has_its_own_suite_and_none_runs_anothers() -> None:
    suites = found(
        {"test_top.py": "", "a/pyproject.toml": "", "a/tests/test_a.py": "", "b/setup.py": "", "b/test_b.py": ""}
    )

    assert {name: suite.command.folder for name, suite in suites.items()} == {
        "pytest": "",
        "a: pytest": "a",
        "b: pytest": "b",
    }
    assert suites["pytest"].command.argv[3:] == ("--ignore=a", "--ignore=b")


def test_where_the_root_names_its_test_paths_it_is_one_project() -> None:
    texts = {
        "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["a", "b"]\n',
        "a/setup.py": "",
        "a/test_a.py": "",
    }

    assert list(found(texts)) == ["pytest"]


@pytest.mark.parametrize(
    ("texts", "unittest", "argv"),
    [
        ({"test_a.py": ""}, ("test_a.py",), ("discover",)),
        ({"tests/test_a.py": ""}, ("tests/test_a.py",), ("discover", "-s", "tests")),
        ({"checks/tests.py": ""}, ("checks/tests.py",), ("discover", "-s", "checks")),
    ],
)
def test_tests_that_only_know_unittest_are_run_by_it(
    texts: dict[str, str], unittest: tuple[str, ...], argv: tuple[str, ...]
) -> None:
    (suite,) = found(texts, unittest=unittest).values()

    assert (suite.command.runner, suite.command.argv[3:]) == ("unittest", argv)


def test_a_test_folder_that_is_a_package_is_discovered_from_the_root() -> None:
    texts = {"tests/test_a.py": ""}

    (suite,) = found(texts, unittest=("tests/test_a.py",), package=("tests/__init__.py",)).values()

    assert suite.command.argv[3:] == ("discover",)


@pytest.mark.parametrize(
    "sign",
    [
        {"conftest.py": ""},
        {"pytest.ini": ""},
        {"requirements-dev.txt": "pytest==9\n"},
        {"pyproject.toml": '[dependency-groups]\ntest = ["pytest"]\n'},
        {"test_b.py": ""},
    ],
)
def test_any_sign_of_pytest_has_unittests_run_by_pytest(sign: dict[str, str]) -> None:
    assert list(found({"test_a.py": "", **sign}, unittest=("test_a.py",))) == ["pytest"]


@pytest.mark.parametrize(
    ("scripts", "names"),
    [
        ({"test": "vitest", "test:watch": "vitest --watch", "test:unit": "vitest unit"}, ["vitest"]),
        ({"test": "jest", "test:e2e": "playwright test"}, ["jest", "playwright"]),
        ({"test": "npm run a && npm run e2e", "a": "jest", "e2e": "playwright test"}, ["jest", "playwright"]),
        ({"test": "node build.js && npm run e2e", "e2e": "playwright test"}, ["npm (e2e)"]),
        ({"test:unit": "jest", "test:integration": "mocha it", "test:cov": "jest --coverage"}, ["jest", "mocha"]),
        ({"test": 'echo "Error: no test specified" && exit 1'}, []),
    ],
)  # fmt: skip
def test_scripts_are_suites_unless_another_runs_them(scripts: dict[str, str], names: list[str]) -> None:
    assert list(found({"package.json": package(scripts)})) == names


def test_a_root_that_runs_its_packages_scripts_gives_way_to_them() -> None:
    texts = {
        "package.json": package({"test": "npm test --workspaces"}),
        "packages/a/package.json": package({"test": "jest"}),
        "packages/a/test/fixtures/x/package.json": package({"test": "jest"}),
        "packages/b/package.json": package({"test": "mocha"}),
    }
    assert list(found(texts)) == ["packages/a: jest", "packages/b: mocha"]


@pytest.mark.parametrize(
    ("texts", "imports", "argv"),
    [
        ({"package.json": package(devDependencies={"vitest": "4"})}, {}, ("npx", "--no-install", "vitest", "run")),
        ({"package.json": package(), "jest.config.js": ""}, {}, ("npx", "--no-install", "jest")),
        ({"package.json": package()}, {"node_test": ("test/a.js",)}, ("node", "--test")),
        ({"package.json": package(), "playwright.config.ts": ""}, {}, ("npx", "--no-install", "playwright", "test")),
    ],
)
def test_a_package_without_a_script_is_run_by_the_runner_it_has(
    texts: dict[str, str], imports: dict[str, tuple[str, ...]], argv: tuple[str, ...]
) -> None:
    (suite,) = found(texts, **imports).values()

    assert suite.command.argv == argv


def test_go_and_cargo_are_suites_though_the_image_lacks_them() -> None:
    suites = found({"go.mod": "", "rust/Cargo.toml": "", "rust/crates/a/Cargo.toml": ""})

    assert {name: suite.missing for name, suite in suites.items()} == {"go": "go", "rust: cargo": "cargo"}


def test_the_tasks_own_command_is_the_only_suite() -> None:
    facts = RepositoryFacts(frozenset(), frozenset({"test_a.py"}))

    (suite,) = find_suites(facts, Hints(), "make check")

    assert (suite.name, suite.command.display) == ("the task's command", "make check")
