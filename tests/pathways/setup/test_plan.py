"""What gets installed before the tests run: what the repository declares, and nothing otherwise."""

import json
from collections.abc import Mapping

import pytest

from repo_agent_dagster.contracts.tasks import RepositoryRecipe
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.setup.plan import changes_dependencies, plan_setup
from repo_agent_dagster.pathways.setup.steps import VENV, Step, Tools
from repo_agent_dagster.pathways.suites.detection import Ecosystem

TOOLS = Tools()


def facts(texts: Mapping[str, str]) -> RepositoryFacts:
    return RepositoryFacts(frozenset(texts), frozenset(), texts)


def pip_arguments(texts: Mapping[str, str]) -> tuple[str, ...]:
    """What is asked of the installer; empty when there is no set-up at all."""
    steps = plan_setup(facts(texts), "python", TOOLS).steps
    if not steps:
        return ()
    venv, install, apart = steps
    assert apart.optional
    assert venv.argv[-1] == VENV
    assert install.argv[:5] == ("uv", "pip", "install", "--python", f"{VENV}/bin/python")
    return install.argv[5:]


def chain(step: Step | None) -> list[str]:
    """A step and what is tried in its place, one after the other."""
    return [step.display, *chain(step.otherwise)] if step else []


def displays(texts: Mapping[str, str], ecosystem: Ecosystem = "node") -> list[str]:
    return [step.display for step in plan_setup(facts(texts), ecosystem, TOOLS).steps]


GROUPS = '[dependency-groups]\ntest = ["a>1", {include-group = "b"}]\nb = ["c", {include-group = "test"}]'
PROJECT = '[project]\nname = "x"\nversion = "1"\n'


@pytest.mark.parametrize(
    ("texts", "installed"),
    [
        ({}, ()),
        ({"requirements.txt": "# none yet\n\n"}, ()),
        ({"requirements.txt": "attrs\n"}, ("-r", "requirements.txt")),
        (
            {"requirements.txt": "attrs", "requirements-dev.txt": "attrs", "docs-requirements.txt": "sphinx"},
            ("-r", "requirements-dev.txt", "-r", "requirements.txt"),
        ),
        (
            {"requirements/base.txt": "attrs", "requirements/dev.txt": "attrs==1", "requirements/tests.txt": "attrs"},
            ("-r", "requirements/base.txt", "-r", "requirements/tests.txt"),
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
        ({"setup.cfg": "[metadata]\nname = x"}, ("-e", ".")),
        ({"setup.py": "from setuptools import setup\nsetup()"}, ("-e", ".")),
        ({"setup.py": "print 'Python 2'"}, ()),
        ({"pyproject.toml": f'{PROJECT}[build-system]\nrequires = ["hatchling"]'}, ("-e", ".")),
        (
            {"setup.py": "EXTRAS = {'tests': ['a'] + MORE, 'docs': []}\nsetup(extras_require=EXTRAS)"},
            ("-e", ".[tests]"),
        ),
        (
            {"setup.cfg": "[metadata]\nname = x\n[options]\ntests_require =\n  a>1\n  b\n"},
            ("a>1", "b", "-e", "."),
        ),
        ({"setup.cfg": "[metadata]\nname = x\n[options.extras_require]\ntesting =\n  a\n"}, ("-e", ".[testing]")),
        (
            {"Pipfile": '[packages]\nattrs = "*"\n[dev-packages]\nb = {version = ">=1", extras = ["x"]}\n'},
            ("attrs", "b[x]>=1"),
        ),
        (
            {
                "pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.9"\na = "^1.2"\n'
                '[tool.poetry.group.test.dependencies]\nb = "~2.1"\nc = {git = "https://g.example/c", tag = "v1"}\n'
            },
            ("b>=2.1,<2.2", "c @ git+https://g.example/c@v1", "-e", "."),
        ),
        (
            {
                "tox.ini": "[tox]\nenvlist = lint, py{38,311}\n[testenv]\ndeps =\n  a\n  py38: old\n  py311: new\n"
                "  -r{toxinidir}/tests/needs.txt\n  {[base]deps}\n  {env:X}\nextras = more\n[base]\ndeps = b # why\n",
                "pyproject.toml": PROJECT,
            },
            ("a", "new", "-r", "tests/needs.txt", "b", "-e", ".[more]"),
        ),
        ({"tox.ini": "[testenv]\ndeps = a\n", "requirements-test.txt": "b"}, ("-r", "requirements-test.txt")),
        (
            {
                "noxfile.py": "@nox.session(python=['3.11'])\ndef tests(session):\n"
                "    session.install('-e', '.[x]', 'a', '-r', 'needs.txt')\n"
                "@nox.session\ndef lint(session):\n    session.install('ruff')\n",
                "pyproject.toml": PROJECT,
            },
            ("a", "-r", "needs.txt", "-e", ".[x]"),
        ),
        (
            {"pyproject.toml": GROUPS},
            ("a>1", "c"),
        ),
    ],
)  # fmt: skip
def test_python_installs_what_is_declared(texts: dict[str, str], installed: tuple[str, ...]) -> None:
    assert pip_arguments(texts) == installed


def test_pip_is_asked_what_uv_refused_and_alone_where_there_is_no_uv() -> None:
    texts = {"requirements.txt": "attrs"}

    [_, by_uv, _] = plan_setup(facts(texts), "python", TOOLS).steps
    [_, by_pip, _] = plan_setup(facts(texts), "python", Tools((3, 12), frozenset())).steps

    assert by_uv.otherwise == by_pip
    assert by_pip.argv[1:4] == ("-m", "pip", "install")


def test_a_lock_of_uv_is_followed_with_the_extras_and_groups_for_tests() -> None:
    pyproject = f'{PROJECT}[project.optional-dependencies]\ntest = ["a"]\n{GROUPS}'

    [_, sync, _] = plan_setup(facts({"uv.lock": "", "pyproject.toml": pyproject}), "python", TOOLS).steps

    assert sync.argv[:3] == ("uv", "sync", "--frozen")
    assert sync.argv[-4:] == ("--extra", "test", "--group", "test")
    assert chain(sync)[1].startswith("uv pip install")


@pytest.mark.parametrize(
    ("texts", "version", "required"),
    [
        ({"pyproject.toml": f'{PROJECT}requires-python = ">=3.9"'}, None, False),
        ({"pyproject.toml": f'{PROJECT}requires-python = ">=3.11.4,<3.12"'}, None, False),
        ({"pyproject.toml": f'{PROJECT}requires-python = ">=3.12"'}, "3.12", True),
        ({"setup.py": "setup(python_requires='<3.10')"}, "3.9", True),
        ({"setup.cfg": "[metadata]\nname = x\n[options]\npython_requires = >=3.13"}, "3.13", True),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.10"'}, "3.10", True),
        ({".python-version": "3.11.9\n"}, None, False),
        ({".python-version": "3.13\n"}, "3.13", False),
        ({"runtime.txt": "python-3.9.7"}, "3.9", False),
        ({"Pipfile": '[requires]\npython_version = "3.10"'}, "3.10", False),
        ({"tox.ini": "[tox]\nenvlist = py{39,310}-{a,b}, lint"}, "3.10", False),
        ({"tox.ini": "[tox]\nenvlist = py27,py36"}, None, False),
        ({"tox.ini": "[tox]\nenvlist = py27,py311"}, None, False),
        ({".python-version": "pypy3.10\n"}, None, False),
    ],
)
def test_the_python_that_is_asked_for_is_installed_unless_the_one_there_fits(
    texts: dict[str, str], version: str | None, required: bool
) -> None:
    steps = plan_setup(facts(texts), "python", TOOLS).steps

    installing = [step for step in steps if f"uv python install {version} " in step.display]
    assert bool(installing) is (version is not None)
    if installing:
        assert (installing[0].otherwise is None) is required


def test_a_python_that_nobody_offers_is_refused_with_the_reason() -> None:
    plan = plan_setup(facts({"setup.py": "setup(python_requires='<3')"}), "python", TOOLS)

    assert plan.steps == ()
    assert "python_requires of setup.py or setup.cfg allows Python <3, which 3.11 of the image is not" in plan.refusal


@pytest.mark.parametrize(
    ("package", "files", "commands"),
    [
        ({}, {}, []),
        ({"devDependencies": {}}, {"package-lock.json": ""}, []),
        ({"devDependencies": {"vitest": "*"}}, {"package-lock.json": ""}, [["npm ci", "npm install", "npm install"]]),
        ({"dependencies": {"ms": "2"}}, {"npm-shrinkwrap.json": ""}, [["npm ci", "npm install", "npm install"]]),
        ({"dependencies": {"ms": "2"}}, {}, [["npm install", "npm install"]]),
        ({"workspaces": ["packages/*"]}, {"package-lock.json": ""}, [["npm ci", "npm install", "npm install"]]),
        (
            {"dependencies": {"ms": "2"}},
            {"pnpm-lock.yaml": ""},
            [["pnpm install --frozen-lockfile", "npx --yes pnpm@8", "pnpm install --no-frozen-lockfile"]],
        ),
        (
            {"dependencies": {"ms": "2"}},
            {"yarn.lock": "# yarn lockfile v1"},
            [["yarn install --frozen-lockfile", "yarn install --no-lockfile"]],
        ),
        (
            {"dependencies": {"ms": "2"}},
            {"yarn.lock": "__metadata:\n  version: 8\n"},
            [["mkdir"], ["/home/agent/.shims/yarn install --immutable", "/home/agent/.shims/yarn install"]],
        ),
        (
            {"dependencies": {"ms": "2"}, "packageManager": "yarn@4.1.0+sha224.0af"},
            {},
            [["mkdir"], ["/home/agent/.shims/yarn install --no-immutable"]],
        ),
    ],
)
def test_the_lock_file_decides_who_installs_for_node(
    package: dict[str, object], files: dict[str, str], commands: list[list[str]]
) -> None:
    plan = plan_setup(facts({"package.json": json.dumps(package), **files}), "node", TOOLS)

    found = [chain(step) for step in plan.steps]
    assert [len(one) for one in found] == [len(one) for one in commands], found
    for one, expected in zip(found, commands, strict=True):
        assert all(line.startswith(start) for line, start in zip(one, expected, strict=True)), one


def test_a_package_of_a_workspace_is_installed_at_its_root() -> None:
    texts = {
        "package.json": '{"dependencies": {"other": "*"}}',
        "../../package.json": '{"workspaces": ["packages/*"]}',
        "../../package-lock.json": "",
    }

    assert displays(texts) == ["cd ../.. && npm ci --no-audit --no-fund --no-progress"]


def test_a_package_with_a_lock_file_of_its_own_is_installed_where_it_is() -> None:
    texts = {
        "package.json": '{"dependencies": {"other": "*"}}',
        "package-lock.json": "",
        "../package.json": '{"workspaces": ["packages/*"]}',
    }

    assert displays(texts) == ["npm ci --no-audit --no-fund --no-progress"]


def test_a_custom_command_gets_both_ecosystems() -> None:
    texts = {"requirements.txt": "attrs", "package.json": '{"dependencies": {"ms": "2"}}'}

    plan = plan_setup(facts(texts), "custom", TOOLS)

    assert [command[0] for command in plan.commands] == ["python3", "uv", "sh", "npm"]
    assert "requirements.txt lists requirements" in plan.reason


def test_packages_side_by_side_are_each_installed_for_a_custom_command_where_the_root_has_nothing() -> None:
    texts = {
        "a/package.json": '{"dependencies": {"ms": "2"}}',
        "a/package-lock.json": "",
        "b/requirements.txt": "attrs",
        "c/d/requirements.txt": "attrs",
        "e/package.json": "{}",
    }

    lines = displays(texts, "custom")

    installs = [line.split(" --")[0] for line in lines]
    assert [line.partition(" && ")[0] for line in installs if "cd " in line] == ["cd b", "cd c/d", "cd a"]
    assert sum("venv --system" in line for line in lines) == 1
    assert displays(texts, "python") == displays(texts, "node") == []


def test_modules_of_go_and_rust_are_fetched_where_the_image_has_the_tools() -> None:
    there = facts({"go.mod": "module x", "Cargo.toml": "[package]"})

    assert plan_setup(there, "custom", TOOLS).steps == ()
    plan = plan_setup(there, "custom", Tools((3, 11), frozenset({"go", "cargo"})))
    assert [step.display for step in plan.steps] == ["go mod download", "cargo fetch"]


def test_the_commands_of_a_recipe_take_the_place_of_what_is_detected() -> None:
    recipe = RepositoryRecipe(setup=["make deps", "make more"])

    plan = plan_setup(facts({"requirements.txt": "attrs"}), "python", TOOLS, recipe)

    assert [step.display for step in plan.steps] == ["make deps", "make more"]
    assert plan.whole_commit


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        ({"requirements.txt": "attrs"}, False),
        ({"requirements.txt": "-r requirements/base.txt", "requirements/base.txt": "attrs"}, False),
        ({"requirements.txt": "-r deps/base.list"}, True),
        ({"requirements.txt": "./wheels/x.whl"}, True),
        ({"setup.py": "setup(ext_modules=[Extension('x', ['x.c'])])"}, True),
        ({"pyproject.toml": f'{PROJECT}[build-system]\nrequires = ["setuptools-scm"]'}, True),
        ({"package.json": '{"dependencies": {"a": "file:./a"}}'}, True),
        ({"package.json": '{"dependencies": {"a": "1"}, "scripts": {"prepare": "tsc"}}'}, True),
        ({"package.json": '{"dependencies": {"a": "1"}, "scripts": {"test": "tsc"}}'}, False),
    ],
)
def test_what_is_compiled_or_taken_from_the_repository_is_of_use_to_its_commit_alone(
    texts: dict[str, str], whole: bool
) -> None:
    assert plan_setup(facts(texts), "custom", TOOLS).whole_commit is whole


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("pyproject.toml", True),
        ("requirements-dev.txt", True),
        ("requirements/base.txt", True),
        ("package-lock.json", True),
        ("src/package.json.py", False),
        ("docs/requirements.txt", True),
        ("packages/a/package.json", True),
        ("pnpm-lock.yaml", True),
        ("requirements/extra.txt", True),
        (".repo-agent.yaml", True),
    ],
)
def test_a_patch_to_dependency_files_asks_for_another_set_up(file: str, changes: bool) -> None:
    assert changes_dependencies(["README.md", file]) is changes
