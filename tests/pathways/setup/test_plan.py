"""What gets installed before the tests run: what the repository declares, and nothing otherwise."""

import json
from collections.abc import Mapping

import pytest

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.setup.plan import VENV, changes_dependencies, plan_setup


def facts(texts: Mapping[str, str]) -> RepositoryFacts:
    return RepositoryFacts(frozenset(texts), frozenset(), texts)


def pip_arguments(texts: Mapping[str, str]) -> tuple[str, ...]:
    """What pip is asked to install; empty when there is no set-up at all."""
    commands = plan_setup(facts(texts), "python").commands
    if not commands:
        return ()
    venv, install = commands
    assert venv[-1] == VENV
    return install[install.index("--progress-bar=off") + 1 :]


GROUPS = '[dependency-groups]\ntest = ["a>1", {include-group = "b"}]\nb = ["c", {include-group = "test"}]'
PROJECT = '[project]\nname = "x"\nversion = "1"\n'


@pytest.mark.parametrize(
    ("texts", "installed"),
    [
        ({}, ()),
        ({"requirements.txt": "# none yet\n\n"}, ()),
        ({"requirements.txt": "attrs\n"}, ("-r", "requirements.txt")),
        (
            {"requirements-dev.txt": "attrs", "requirements/test.txt": "attrs", "docs-requirements.txt": "sphinx"},
            ("-r", "requirements-dev.txt", "-r", "requirements/test.txt"),
        ),
        ({"pyproject.toml": PROJECT}, ()),
        ({"pyproject.toml": "not [toml"}, ()),
        ({"pyproject.toml": "[tool.ruff]\n", "src/x/__init__.py": ""}, ()),
        ({"pyproject.toml": f'{PROJECT}dependencies = ["attrs"]'}, ("-e", ".")),
        ({"pyproject.toml": f'{PROJECT}dynamic = ["dependencies"]'}, ("-e", ".")),
        ({"pyproject.toml": f'{PROJECT}[project.optional-dependencies]\ntest = ["a"]\ndev = []'}, ("-e", ".[test]")),
        ({"pyproject.toml": f'{PROJECT}[project.optional-dependencies]\ndev = ["attrs"]'}, ("-e", ".[dev]")),
        ({"pyproject.toml": f'{PROJECT}[project.optional-dependencies]\ndocs = ["sphinx"]'}, ()),
        ({"pyproject.toml": PROJECT, "src/x/__init__.py": ""}, ("-e", ".")),
        ({"pyproject.toml": f'{PROJECT}[tool.pytest.ini_options]\npythonpath = ["src"]', "src/x/__init__.py": ""}, ()),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.9"\n'}, ()),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.9"\nattrs = "*"'}, ("-e", ".")),
        ({"setup.py": "setup(name='x', install_requires=['attrs'])"}, ("-e", ".")),
        ({"setup.py": "setup(name='x', ext_modules=[])"}, ("-e", ".")),
        ({"setup.cfg": "[metadata]\nname = x"}, ()),
        (
            {"pyproject.toml": GROUPS},
            ("a>1", "c"),
        ),
    ],
)  # fmt: skip
def test_python_installs_what_is_declared(texts: dict[str, str], installed: tuple[str, ...]) -> None:
    assert pip_arguments(texts) == installed


@pytest.mark.parametrize(
    ("package", "lock", "command"),
    [
        ({}, False, None),
        ({"devDependencies": {}}, True, None),
        ({"devDependencies": {"vitest": "*"}}, True, ("npm", "ci")),
        ({"dependencies": {"ms": "2"}}, False, ("npm", "install")),
        ({"workspaces": ["packages/*"]}, True, ("npm", "ci")),
    ],
)
def test_node_installs_what_is_declared(
    package: dict[str, object], lock: bool, command: tuple[str, ...] | None
) -> None:
    texts = {"package.json": json.dumps(package)} | ({"package-lock.json": "{}"} if lock else {})

    commands = plan_setup(facts(texts), "node").commands

    assert [one[:2] for one in commands] == ([command] if command else [])


def test_a_custom_command_gets_both_ecosystems() -> None:
    texts = {"requirements.txt": "attrs", "package.json": '{"dependencies": {"ms": "2"}}'}

    plan = plan_setup(facts(texts), "custom")

    assert [command[0] for command in plan.commands] == ["python3", f"{VENV}/bin/python", "npm"]
    assert "requirements.txt lists requirements" in plan.reason


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("pyproject.toml", True),
        ("requirements-dev.txt", True),
        ("requirements/base.txt", True),
        ("package-lock.json", True),
        ("src/package.json.py", False),
        ("docs/requirements.txt", False),
    ],
)
def test_a_patch_to_dependency_files_asks_for_another_set_up(file: str, changes: bool) -> None:
    assert changes_dependencies(["README.md", file]) is changes
