"""Repositories made by the tests with real git, and mirrors of them."""

import shutil
from pathlib import Path

import pytest

from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from tests.sandbox.repositories.making import commit, git

FILE = frozenset({"file"})


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that `origin` copies."""
    folder = tmp_path_factory.mktemp("made-once")
    git(folder, "init", "-q", "-b", "trunk")
    commit(folder, "a.txt", "1\n")
    git(folder, "tag", "-a", "v1.0", "-m", "one")
    commit(folder, "a.txt", "2\n")
    git(folder, "branch", "feature/login")
    commit(folder, "b.txt", "3\n")
    git(folder, "checkout", "-q", "-b", "proposal", "feature/login")
    commit(folder, "c.txt", "proposed\n")
    git(folder, "update-ref", "refs/pull/7/head", "proposal")
    git(folder, "checkout", "-q", "trunk")
    git(folder, "branch", "-q", "-D", "proposal")
    return folder


@pytest.fixture
def origin(made_once: Path, tmp_path: Path) -> Path:
    """A repository with three commits, a tag, a second branch, and a pull request that nobody merged."""
    return shutil.copytree(made_once, tmp_path / "origin")


@pytest.fixture
def repositories(tmp_path: Path) -> Repositories:
    return Repositories(tmp_path / "mirrors", FILE)


@pytest.fixture
def mirror(repositories: Repositories, origin: Path) -> Mirror:
    return repositories.mirror(origin.as_uri())
