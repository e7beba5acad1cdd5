"""Real projects: the release with a bug is proved to have it, and the next one to repair it, test by test."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from repo_agent_dagster.cli.example_repo import commit_files
from repo_agent_dagster.contracts.tasks import RepositoryRecipe, SolutionValidationPayload
from repo_agent_dagster.contracts.validation import ValidationVerdict
from repo_agent_dagster.pathways.context import Sandboxes, TaskContext
from repo_agent_dagster.pathways.validation.steps import validate
from tests.pathways.conftest import context as context_of_a_task
from tests.pathways.conftest import repositories  # noqa: F401 - pytest finds fixtures by their import
from tests.real.sources import KnownBug, RegistryUnreachable, fetch, known_bugs

pytestmark = [pytest.mark.real, pytest.mark.docker, pytest.mark.timeout(600)]

context = context_of_a_task


@pytest.fixture
def task(context: TaskContext) -> Iterator[TaskContext]:
    """A task whose sandboxes have the room that real projects need."""
    roomy = replace(context, sandboxes=Sandboxes(replace(context.sandboxes.spec, memory_mb=2048)))
    yield roomy
    roomy.sandboxes.destroy_all()


@pytest.mark.parametrize("bug", known_bugs(), ids=lambda bug: bug.name)
def test_the_next_release_is_proved_to_repair_the_known_bug(
    task: TaskContext, bug: KnownBug, tmp_path: Path, now: datetime
) -> None:
    try:
        sources = fetch(task.sandboxes.open(), bug)
    except RegistryUnreachable as error:
        pytest.skip(f"the registry does not answer: {str(error)[-300:]}")
    origin = tmp_path / bug.project
    commit_files(origin, sources.files, now=now, message=f"{bug.project} {bug.before}")
    payload = SolutionValidationPayload(
        repo_url=origin.as_uri(),
        diff=sources.patch,
        recipe=RepositoryRecipe(setup=list(bug.setup), test=bug.command),
        timeout_seconds=300,
    )

    result = validate(task, payload)

    assert result.verdict is ValidationVerdict.FIXED, result.model_dump_json(indent=2)
    assert bug.fails in result.changes.fail_to_pass, result.model_dump_json(indent=2)
