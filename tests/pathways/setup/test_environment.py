"""Set-up in a real sandbox: what is installed is there when the tests run, and the network is off again by then.

The dependencies lie in the repositories themselves, so that these tests need no package index.
"""

import io
import json
import zipfile
from dataclasses import replace

import pytest

from repo_agent_dagster.contracts.tasks import RepositoryPayload
from repo_agent_dagster.pathways.context import Sandboxes, TaskContext
from repo_agent_dagster.pathways.setup.facts import RepositoryUnreadable, facts_at, facts_of_folder, read_facts
from repo_agent_dagster.pathways.setup.opening import clone, set_up
from repo_agent_dagster.pathways.suites.running import run_tests
from repo_agent_dagster.sandbox.sandbox import Sandbox
from tests.pathways.conftest import MakeRepository

pytestmark = pytest.mark.docker

USES_DEPENDENCY = """import socket
import pytest
import dependency

def test_it_is_there():
    assert dependency.ANSWER == 42

def test_the_network_is_off():
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
"""


def wheel() -> bytes:
    """The smallest wheel that pip installs: one module."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("dependency.py", "ANSWER = 42\n")
        info = "dependency-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: dependency\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


def limited(context: TaskContext, **limits: int) -> TaskContext:
    """The same task with other limits of its sandboxes."""
    return replace(context, sandboxes=Sandboxes(replace(context.sandboxes.spec, **limits)))


def test_python_requirements_are_installed_beside_the_clone(context: TaskContext, repository: MakeRepository) -> None:
    name = "dependency-1.0-py3-none-any.whl"
    files = {f"wheels/{name}": wheel(), "requirements.txt": f"./wheels/{name}\n", "test_it.py": USES_DEPENDENCY}
    payload = RepositoryPayload(repo_url=repository(files))

    box, checkout = clone(context, payload)
    environment = set_up(context, box, checkout, payload)

    assert environment.setup.ok, environment.setup.note
    assert environment.setup.used_network
    assert len(environment.setup.commands) == 3
    assert environment.ready is not None
    run = run_tests(box, checkout.path, environment.ready, timeout_seconds=60)
    assert [case.outcome for case in run.cases] == ["passed", "passed"], run.output
    assert box.exec("git status --porcelain --ignored", cwd=checkout.path).output == ""


def test_node_dependencies_are_installed_in_a_sub_folder(context: TaskContext, repository: MakeRepository) -> None:
    test = "require('node:test')('dep', () => { if (require('dep') !== 42) throw new Error(); });\n"
    files = {
        "app/package.json": '{"name": "x", "scripts": {"test": "node --test"}, "dependencies": {"dep": "file:./dep"}}',
        "app/dep/package.json": '{"name": "dep", "version": "1.0.0", "main": "dep.js"}',
        "app/dep/dep.js": "module.exports = 42;\n",
        "app/x.test.js": test,
    }
    payload = RepositoryPayload(repo_url=repository(files), subfolder="app")

    box, checkout = clone(context, payload)
    environment = set_up(context, box, checkout, payload)

    assert environment.setup.ok, environment.setup.note
    assert environment.ready is not None
    run = run_tests(box, checkout.path, environment.ready, timeout_seconds=60)
    assert [(case.id, case.outcome) for case in run.cases] == [("x.test.js::dep", "passed")], run.output
    assert box.exec("git status --porcelain", cwd=checkout.root).output == "?? app/node_modules/\n"


def test_a_failing_installation_is_told_with_its_command_and_output(
    context: TaskContext, repository: MakeRepository
) -> None:
    payload = RepositoryPayload(repo_url=repository({"requirements.txt": "./no/such.whl\n", "test_it.py": ""}))

    environment = set_up(context, *clone(context, payload), payload)

    assert not environment.setup.ok
    assert environment.ready is None
    assert "-r requirements.txt` ended with exit code 1" in environment.setup.note
    assert "no/such.whl" in environment.setup.note
    assert [command.split()[0] for command in environment.setup.commands][1:] == ["uv", "/home/agent/venv/bin/python"]


@pytest.mark.parametrize(
    ("command", "limits", "told"),
    [
        ("python3 -c 'bytearray(10**9)[::4096] = b\"x\" * 244141'", {"memory_mb": 128}, "REPO_AGENT_SANDBOX_MEMORY_MB"),
        ("head -c 200M /dev/zero > big", {"disk_mb": 64}, "REPO_AGENT_SANDBOX_DISK_MB"),
    ],
    ids=["memory", "disk"],
)
def test_a_set_up_that_runs_into_a_limit_is_told_which_setting_gives_more(
    context: TaskContext, repository: MakeRepository, command: str, limits: dict[str, int], told: str
) -> None:
    payload = RepositoryPayload(
        repo_url=repository({"test_it.py": "", ".repo-agent.yaml": f"setup: {json.dumps(command)}"})
    )
    context = limited(context, **limits)

    try:
        environment = set_up(context, *clone(context, payload), payload)
    finally:
        context.sandboxes.destroy_all()

    assert not environment.setup.ok
    assert told in environment.setup.note


def test_a_recipe_says_how_it_is_set_up_and_tested_and_the_task_has_the_last_word(
    context: TaskContext, repository: MakeRepository
) -> None:
    files = {
        "part/.repo-agent.yaml": "setup:\n  - echo ready > made\n  - test -s made\ntest: cat made\n",
        ".repo-agent.yaml": "test: never",
        "part/package.json": '{"dependencies": {"no-such": "1"}}',
    }
    url = repository(files)
    payload = RepositoryPayload.model_validate(
        {"repoUrl": url, "subfolder": "part", "recipe": {"test": "cat made made"}}
    )

    box, checkout = clone(context, payload)
    environment = set_up(context, box, checkout, payload)

    assert environment.setup.commands == ["echo ready > made", "test -s made"]
    assert environment.ready is not None
    assert run_tests(box, checkout.path, environment.ready, timeout_seconds=60).output == "ready\nready\n"


def test_the_facts_are_the_same_from_the_mirror_from_the_sandbox_and_from_a_folder(
    context: TaskContext, repository: MakeRepository
) -> None:
    files = {
        "pyproject.toml": "[x]\n",
        "a/b/package.json": "{}",
        "a/test_x.py": "",
        "big.txt": "",
        "a b/tox.ini": "[t]",
    }
    payload = RepositoryPayload(repo_url=repository(files))
    box, checkout = clone(context, payload)
    assert checkout.mirror is not None

    by_mirror = facts_at(checkout.mirror, checkout.commit)
    by_box = read_facts(box, checkout.path)

    assert by_mirror.texts == {"pyproject.toml": "[x]\n", "a/b/package.json": "{}", "a b/tox.ini": "[t]"}
    assert by_mirror.python_tests == {"a/test_x.py"}
    for other in (by_box, facts_of_folder(checkout.mirror.path.parent.parent / "origin")):
        assert (other.files, other.texts, other.python_tests) == (
            by_mirror.files,
            by_mirror.texts,
            by_mirror.python_tests,
        )


def test_files_that_cannot_be_read_count_by_their_name_only(context: TaskContext, repository: MakeRepository) -> None:
    box, checkout = clone(context, RepositoryPayload(repo_url=repository({"real.ini": "[pytest]\n", "test_it.py": ""})))
    box.exec("ln -s real.ini pytest.ini && git add .", cwd=checkout.path)

    facts = read_facts(box, checkout.path)

    assert "pytest.ini" in facts.files
    assert facts.text("pytest.ini") == ""
    assert facts.python_tests == {"test_it.py"}


def test_a_folder_that_is_no_repository_is_refused(box: Sandbox) -> None:
    with pytest.raises(RepositoryUnreadable, match="git cannot list the files of /workspace"):
        read_facts(box, "/workspace")
