"""A home folder of its own for each test, and nothing left of it afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_agent_dagster.cli.services import end_processes, marked_processes
from repo_agent_dagster.sandbox import reap_all


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    end_processes(marked_processes(home))
    reap_all(home)
