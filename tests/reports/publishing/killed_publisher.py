"""A process that publishes, and may be killed anywhere in it; started from a server without threads."""

from datetime import datetime
from pathlib import Path

from repo_agent_dagster.reports.publishing.publisher import publish_due
from repo_agent_dagster.store.engine import open_store
from tests.reports.publishing.conftest import means


def publish(store: str, api: str, folder: Path, now: datetime) -> None:
    """What a run of the sensor does."""
    publish_due(open_store(store), means(folder, api), now=now)
