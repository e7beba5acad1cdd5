"""The first step of every pathway: a repository at a ref, in a sandbox."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.tasks import RepositoryPayload
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.opening import clone
from repo_agent_dagster.sandbox import list_sandboxes
from repo_agent_dagster.store import ai_logs
from repo_agent_dagster.store.engine import read_transaction
from tests.sandbox.repositories.making import commit, git

pytestmark = pytest.mark.docker


@pytest.fixture
def monorepo(tmp_path: Path) -> Path:
    """Two packages, a submodule, and a pull request that nobody merged."""
    for name in ("lib", "mono"):
        (tmp_path / name).mkdir()
        git(tmp_path / name, "init", "-q", "-b", "main")
    commit(tmp_path / "lib", "core/lib.py", "LIB = 1\n")
    folder = tmp_path / "mono"
    commit(folder, "packages/api/main.py", "API = 1\n")
    commit(folder, "packages/web/index.js", "1\n")
    git(folder, "submodule", "--quiet", "add", "../lib", "vendor/lib")
    git(folder, "commit", "-q", "-m", "with lib")
    git(folder, "checkout", "-q", "-b", "proposal")
    commit(folder, "packages/api/main.py", "API = 2\n")
    git(folder, "update-ref", "refs/pull/3/head", "proposal")
    git(folder, "checkout", "-q", "main")
    git(folder, "branch", "-q", "-D", "proposal")
    return folder


def thoughts(context: TaskContext, engine: Engine) -> str:
    with read_transaction(engine) as conn:
        return "\n".join(call.thought or "" for call in ai_logs.listing(conn, context.task_id))


def test_a_pull_requests_sub_folder_is_worked_on_and_not_trusted(
    context: TaskContext, monorepo: Path, sqlite_store: Engine
) -> None:
    payload = RepositoryPayload(repo_url=str(monorepo), ref="#3", subfolder="packages/api")

    box, checkout = clone(context, payload)

    assert (checkout.root, checkout.path) == ("/workspace/repo", "/workspace/repo/packages/api")
    assert checkout.commit == git(monorepo, "rev-parse", "refs/pull/3/head")
    assert not checkout.trusted
    assert box.exec("cat main.py; ls ../web", cwd=checkout.path).output == "API = 2\nindex.js\n"
    assert "changes not committed are not" in thoughts(context, sqlite_store)


def test_a_folder_of_a_submodule_is_worked_on_when_submodules_are_asked_for(
    context: TaskContext, monorepo: Path
) -> None:
    payload = RepositoryPayload(repo_url=str(monorepo), subfolder="vendor/lib/core", submodules=True)

    box, checkout = clone(context, payload)

    assert checkout.trusted
    assert box.exec("cat lib.py", cwd=checkout.path).output == "LIB = 1\n"


def test_no_sandbox_is_made_for_a_folder_that_is_not_there(context: TaskContext, monorepo: Path) -> None:
    payload = RepositoryPayload(repo_url=str(monorepo), subfolder="packages/app")

    with pytest.raises(PermanentFault, match="near it: packages/api"):
        clone(context, payload)

    assert not [box for box in list_sandboxes() if box.task_id == context.task_id]
