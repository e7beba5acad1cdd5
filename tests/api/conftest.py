"""A store of each test's own, and the API served over it."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Engine

from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store.engine import open_store
from tests.api.server import served


@pytest.fixture
def settings(tmp_path: Path, upgraded_file: Path) -> Settings:
    home = tmp_path / "home"
    (home / "STAGING").mkdir(parents=True)
    (home / "monorepo").mkdir()
    shutil.copy(upgraded_file, home / "repo_agent.db")
    return Settings(home=home)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """The server's store, from outside."""
    opened = open_store(settings.store_url)
    yield opened
    opened.dispose()


@pytest.fixture
def client(settings: Settings, now: datetime) -> Iterator[httpx2.Client]:
    with served(settings, now) as one:
        yield one
