"""What the tests of the store's queries share: a task that log rows and model calls can belong to."""

from datetime import date, datetime

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.tasks import OpsScanPayload, Pathway
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest


@pytest.fixture
def task(store: Engine, now: datetime) -> TaskRequest:
    """A pending task request."""
    with write_transaction(store) as conn:
        return task_requests.submit(conn, Pathway.OPS_SCAN, OpsScanPayload(day=date(2026, 3, 3)), now=now)
