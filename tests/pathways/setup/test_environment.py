"""Set-up in a real sandbox: what is installed is there when the tests run, and the network is off again by then.

The dependencies lie in the repositories themselves, so that these tests need no package index.
"""

import io
import zipfile
from collections.abc import Iterator

import pytest

from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.pathways.setup.facts import RepositoryUnreadable, read_facts
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.pathways.validation import steps as pathway
from repo_agent_dagster.pathways.validation.steps import Checkout, Environment
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
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


@pytest.fixture
def box(sandbox_image: str) -> Iterator[Sandbox]:
    """A sandbox that has a network while things are installed."""
    with Sandbox.open(SandboxSpec(task_id="test-environment", image=sandbox_image)) as opened:
        yield opened


def prepare(box: Sandbox, repositories: Repositories, url: str) -> tuple[Checkout, Environment, TestRun | None]:
    payload = SolutionValidationPayload(repo_url=url, diff="")
    checkout = pathway.clone(box, repositories, payload)
    environment = pathway.set_up(box, checkout, payload)
    return checkout, environment, pathway.test_before(box, checkout, environment, payload)


def test_python_requirements_are_installed_beside_the_clone(
    box: Sandbox, repositories: Repositories, repository: MakeRepository
) -> None:
    name = "dependency-1.0-py3-none-any.whl"
    url = repository(
        {f"wheels/{name}": wheel(), "requirements.txt": f"./wheels/{name}\n", "test_it.py": USES_DEPENDENCY}
    )

    checkout, environment, run = prepare(box, repositories, url)

    assert environment.setup.ok, environment.setup.note
    assert environment.setup.used_network
    assert len(environment.setup.commands) == 2
    assert run is not None
    assert [case.outcome for case in run.cases] == ["passed", "passed"], run.output
    assert box.exec("git status --porcelain --ignored", cwd=checkout.path).output == ""


def test_node_dependencies_are_installed(box: Sandbox, repositories: Repositories, repository: MakeRepository) -> None:
    url = repository(
        {
            "package.json": '{"name": "x", "scripts": {"test": "node --test"}, "dependencies": {"dep": "file:./dep"}}',
            "dep/package.json": '{"name": "dep", "version": "1.0.0", "main": "dep.js"}',
            "dep/dep.js": "module.exports = 42;\n",
            "x.test.js": "require('node:test')('dep', () => { if (require('dep') !== 42) throw new Error(); });\n",
        }
    )

    checkout, environment, run = prepare(box, repositories, url)

    assert environment.setup.ok, environment.setup.note
    assert run is not None
    assert [(case.id, case.outcome) for case in run.cases] == [("x.test.js::dep", "passed")], run.output
    assert box.exec("git status --porcelain", cwd=checkout.path).output == "?? node_modules/\n"


def test_a_failing_installation_is_told_with_its_command_and_output(
    box: Sandbox, repositories: Repositories, repository: MakeRepository
) -> None:
    url = repository({"requirements.txt": "./no/such/file.whl\n", "test_it.py": USES_DEPENDENCY})

    _, environment, run = prepare(box, repositories, url)

    assert not environment.setup.ok
    assert "-r requirements.txt` ended with exit code 1" in environment.setup.note
    assert "no/such/file.whl" in environment.setup.note
    assert run is None


def test_files_that_cannot_be_read_count_by_their_name_only(
    box: Sandbox, repositories: Repositories, repository: MakeRepository
) -> None:
    url = repository({"real.ini": "[pytest]\n", "test_it.py": ""})
    checkout = pathway.clone(box, repositories, SolutionValidationPayload(repo_url=url, diff=""))
    box.exec("ln -s real.ini pytest.ini && git add .", cwd=checkout.path)

    facts = read_facts(box, checkout.path)

    assert "pytest.ini" in facts.files
    assert facts.text("pytest.ini") == ""
    assert facts.python_tests == {"test_it.py"}


def test_a_folder_that_is_no_repository_is_refused(box: Sandbox) -> None:
    with pytest.raises(RepositoryUnreadable, match="git cannot list the files of /workspace"):
        read_facts(box, "/workspace")
