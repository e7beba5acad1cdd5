"""Every repository gets its verdict, the system lives on, and nothing of it is left."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.outcomes import PathwayResult
from repo_agent_dagster.contracts.tasks import Pathway, TestingPayload
from repo_agent_dagster.pathways.in_process import carry_out, take_now
from repo_agent_dagster.sandbox import list_sandboxes
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store import container_logs
from repo_agent_dagster.store.engine import open_store, read_transaction
from repo_agent_dagster.store.migrate import upgrade
from tests.proof.hostile_repositories import REPOSITORIES, SECRET, Repository

pytestmark = pytest.mark.docker
AT_ONCE = 2


@dataclass(frozen=True)
class Done:
    task_id: str
    result: PathwayResult


@dataclass(frozen=True)
class Proof:
    settings: Settings
    engine: Engine
    runs: dict[str, "Future[Done]"]


def _committed(repository: Repository, folder: Path) -> str:
    folder.mkdir(parents=True)
    for name, content in repository.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    for name, target in repository.links.items():
        (folder / name).symlink_to(target)
    git = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@localhost",
        "-c",
        "core.hooksPath=/dev/null",
        "-C",
        str(folder),
    ]
    for command in (["init", "-q", "-b", "main"], ["add", "-A", "-f"], ["commit", "-q", "-m", "As it is"]):
        subprocess.run([*git, *command], check=True, env={**os.environ, "HOME": str(folder.parent)})
    return folder.as_uri()


@pytest.fixture(scope="module")
def proof(sandbox_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    work = tmp_path_factory.mktemp("proof")
    os.environ["HOSTILE_SECRET"] = SECRET
    settings = Settings(
        home=work / "home",
        repo_protocols="file",
        sandbox_image=sandbox_image,
        sandbox_memory_mb=512,
        sandbox_disk_mb=300,
        sandbox_pids=96,
        sandbox_deadline_seconds=300,
        sandbox_log_cap_kb=256,
    )
    settings.home.mkdir(parents=True)
    engine = open_store(settings.store_url)
    upgrade(engine)

    def run(number: int, repository: Repository) -> Done:
        url = _committed(repository, work / f"repository-{number}")
        payload = TestingPayload.model_validate({"repo_url": url, **repository.payload})
        task = take_now(engine, Pathway.TESTING, payload)
        return Done(task.id, carry_out(settings, engine, task, payload))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield Proof(settings, engine, {one.name: pool.submit(run, n, one) for n, one in enumerate(REPOSITORIES)})
    engine.dispose()
    del os.environ["HOSTILE_SECRET"]


@pytest.mark.parametrize("repository", REPOSITORIES, ids=lambda one: one.name)
def test_it_gets_its_verdict(repository: Repository, proof: Proof) -> None:
    done = proof.runs[repository.name].result()
    assert done.result.verdict in repository.verdicts, done.result.reasons


def test_output_over_the_cap_is_cut_with_a_mark_and_whole_in_the_artifacts(proof: Proof) -> None:
    done = proof.runs["a great deal of output"].result()
    with read_transaction(proof.engine) as conn:
        lines = container_logs.listing(conn, done.task_id, limit=100_000)
    assert any("[cut after" in line.log_content for line in lines)
    logs = list((proof.settings.artifacts / "tasks" / done.task_id).rglob("*.log.*"))
    assert logs


def test_nothing_that_wanted_out_came_out(proof: Proof) -> None:
    done = proof.runs["artifacts that want out"].result()
    assert not Path("/tmp/out").exists()
    kept = {artifact.name for artifact in done.result.artifacts}
    assert not any(name.endswith("screenshot.png") for name in kept)


def test_no_sandbox_is_left(proof: Proof) -> None:
    for run in proof.runs.values():
        run.result()
    assert list_sandboxes(owner=str(proof.settings.home)) == []
