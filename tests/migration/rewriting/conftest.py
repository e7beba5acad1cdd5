"""A sandbox that the tests of this folder share, for what only TypeScript's own parser can tell."""

from collections.abc import Iterator

import pytest

from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec


@pytest.fixture(scope="session")
def box(sandbox_image: str) -> Iterator[Sandbox]:
    spec = SandboxSpec(task_id="test-specifiers", image=sandbox_image, network="none", deadline_seconds=600)
    with Sandbox.open(spec) as sandbox:
        yield sandbox
