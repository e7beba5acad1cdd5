"""One sandbox with the harness in it, for all workers."""

from collections.abc import Iterator

import pytest

from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from tests.migration.refactor.behaviour.playing import Stage


@pytest.fixture(scope="module")
def stage(sandbox_image: str) -> Iterator[Stage]:
    spec = SandboxSpec(task_id="test-behaviour", image=sandbox_image, network="none", deadline_seconds=300)
    with Sandbox.open(spec) as box:
        yield Stage(box)
