"""What the tests of the pathways share: repositories made of a mapping of files, and a sandbox."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.artifacts import ArtifactStore, TaskArtifacts
from repo_agent_dagster.cli.example_repo import commit_files
from repo_agent_dagster.contracts.tasks import Pathway, SolutionValidationPayload, TestingPayload
from repo_agent_dagster.contracts.validation import SolutionValidationResult
from repo_agent_dagster.pathways.context import Sandboxes, TaskContext
from repo_agent_dagster.pathways.scripts import Scripts
from repo_agent_dagster.pathways.validation import steps as validation
from repo_agent_dagster.sandbox.commands.storing import StoreSink
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import write_transaction
from tests.docker_fixtures import docker_client, sandbox_image  # noqa: F401 - pytest finds fixtures by their import

MakeRepository = Callable[[Mapping[str, str | bytes]], str]
Validate = Callable[..., SolutionValidationResult]


@pytest.fixture
def box(sandbox_image: str) -> Iterator[Sandbox]:  # noqa: F811 - the fixture, not a redefinition
    """A sandbox without any network, destroyed after the test."""
    with Sandbox.open(SandboxSpec(task_id="test-pathways", image=sandbox_image, network="none")) as opened:
        yield opened


@pytest.fixture
def repository(tmp_path: Path, now: datetime) -> MakeRepository:
    """Make a repository with one commit of these files and return its URL."""

    def make(files: Mapping[str, str | bytes]) -> str:
        content = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
        commit_files(tmp_path / "origin", content, now=now, message="As it was")
        return (tmp_path / "origin").as_uri()

    return make


@pytest.fixture
def repositories(tmp_path: Path) -> Repositories:
    """Mirrors of local repositories."""
    return Repositories(tmp_path / "mirrors", frozenset({"file"}))


@pytest.fixture
def context(
    sqlite_store: Engine,
    repositories: Repositories,
    sandbox_image: str,  # noqa: F811
    tmp_path: Path,
    now: datetime,
) -> Iterator[TaskContext]:
    """What steps work with, on a store of its own; its sandboxes are destroyed after the test."""
    with write_transaction(sqlite_store) as conn:
        payload = TestingPayload(repo_url="https://git.example/any")
        task = task_requests.submit(conn, Pathway.TESTING, payload, now=now)
    store = ArtifactStore(tmp_path / "artifacts")
    artifacts = TaskArtifacts(store, task.id)
    sink = StoreSink(sqlite_store, task.id, cap_bytes=1 << 20, keep=lambda name, file: artifacts.put(name, file).url)
    sandboxes = Sandboxes(SandboxSpec(task_id=task.id, image=sandbox_image), sink)
    try:
        yield TaskContext(
            task_id=task.id,
            engine=sqlite_store,
            sandboxes=sandboxes,
            repositories=repositories,
            artifacts=artifacts,
            scripts=Scripts(store),
            now=lambda: datetime.now(UTC),
        )
    finally:
        sandboxes.destroy_all()


@pytest.fixture
def validate(context: TaskContext) -> Validate:
    """Run the whole pathway on a repository with the payload's other fields."""

    def run(url: str, **payload: object) -> SolutionValidationResult:
        task = SolutionValidationPayload.model_validate({"repo_url": url, **payload})
        return validation.validate(context, task)

    return run
