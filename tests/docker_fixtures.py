"""What tests with real Docker share: the sandbox image, and proof that nothing is left behind."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from repo_agent_dagster.sandbox.docker_engine import ensure_engine
from repo_agent_dagster.sandbox.images.building import ensure_image
from repo_agent_dagster.sandbox.spec import DEFAULT_IMAGE


@pytest.fixture(scope="session")
def docker_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[docker.DockerClient]:
    """A Docker engine, installed and started if there is none: these tests are never skipped."""
    ensure_engine(tmp_path_factory.mktemp("engine"), say=print)
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def sandbox_image(docker_client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tag of the sandbox image, built if it is missing or outdated."""
    work_dir: Path = tmp_path_factory.mktemp("image")
    ensure_image(work_dir, say=print)
    return DEFAULT_IMAGE
