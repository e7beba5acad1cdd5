"""One deployment in a temporary folder, with a clock that stands still."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from repo_agent_dagster.resources import ClockResource, build_resources
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade
from tests.wiring.deployment import Deployment


@pytest.fixture
def deployment(tmp_path: Path, now: datetime) -> Iterator[Deployment]:
    settings = Settings(home=tmp_path / "home", staging_settle_seconds=5, repo_protocols="file", base_image="")
    for folder in (settings.staging, settings.target_root, settings.worker_logs, settings.build_logs):
        folder.mkdir(parents=True)
    engine = open_store(settings.store_url)
    upgrade(engine)
    resources = {**build_resources(settings), "clock": ClockResource(fixed=now.isoformat())}
    (tmp_path / "dagster").mkdir()
    # Not an ephemeral instance: a sensor's new partitions are only looked up in one that has a storage to refer to.
    with dg.instance_for_test(temp_dir=str(tmp_path / "dagster")) as instance:
        yield Deployment(settings, engine, resources, instance)
    engine.dispose()
