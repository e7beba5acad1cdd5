"""One deployment in a temporary folder, with a clock that stands still."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from repo_agent_dagster.resources import ClockResource, build_resources
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store.engine import open_store
from tests.wiring.deployment import Deployment


@pytest.fixture
def deployment(tmp_path: Path, now: datetime, upgraded_file: Path) -> Iterator[Deployment]:
    settings = Settings(home=tmp_path / "home", staging_settle_seconds=5, repo_protocols="file", base_image="")
    for folder in (settings.staging, settings.target_root, settings.worker_logs, settings.build_logs):
        folder.mkdir(parents=True)
    shutil.copy(upgraded_file, settings.home / "repo_agent.db")
    engine = open_store(settings.store_url)
    resources = {**build_resources(settings), "clock": ClockResource(fixed=now.isoformat())}
    (tmp_path / "dagster").mkdir()
    # Not an ephemeral instance: a sensor's new partitions are only looked up in one that has a storage to refer to.
    with dg.instance_for_test(temp_dir=str(tmp_path / "dagster")) as instance:
        yield Deployment(settings, engine, resources, instance)
    engine.dispose()
