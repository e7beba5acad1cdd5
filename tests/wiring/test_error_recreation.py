"""The job of recreation tasks, run through Dagster on real Docker."""

from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from jobs.pathways import run_request
from jobs.tasks import TASK_PARTITIONS
from repo_agent_dagster.cli.example_repo import make_repository
from repo_agent_dagster.contracts.tasks import ErrorRecreationPayload, Pathway, TaskStatus
from repo_agent_dagster.sandbox import list_sandboxes
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest
from tests.wiring.deployment import Deployment

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("sandbox_image")]

BUG = """\
# Half a cent is lost

```python
from decimal import Decimal
from invoicing import to_cents

print(to_cents(Decimal("2.5")))
to_cents(Decimal("0.125"))  # returns Decimal('0.12'), expected Decimal('0.13')
```
"""


def run(
    deployment: Deployment, folder: Path, description: str, now: datetime
) -> tuple[dg.ExecuteInProcessResult, TaskRequest]:
    url = make_repository(folder, now=now).url
    payload = ErrorRecreationPayload(repo_url=url, bug_description=description, repeats=1)
    with write_transaction(deployment.engine) as conn:
        task = task_requests.submit(conn, Pathway.ERROR_RECREATION, payload, now=now)
    deployment.instance.add_dynamic_partitions(TASK_PARTITIONS, [task.id])
    request = run_request(task)
    result = deployment.defs.get_job_def(request.job_name).execute_in_process(
        partition_key=request.partition_key,
        tags=dict(request.tags),
        instance=deployment.instance,
        raise_on_error=False,
    )
    with read_transaction(deployment.engine) as conn:
        ended = task_requests.get(conn, task.id)
    assert ended is not None
    assert list_sandboxes(owner=str(deployment.settings.home)) == []
    return result, ended


def test_a_bug_that_is_real_closes_its_task_with_a_failing_test(
    deployment: Deployment, tmp_path: Path, now: datetime
) -> None:
    result, task = run(deployment, tmp_path / "invoicing", BUG, now)

    assert result.success
    assert task.status is TaskStatus.SUCCESS
    assert task.result is not None
    assert task.result["verdict"] == "reproduced"
    assert "assert" in task.result["repro"]
    assert "2.5" not in task.result["repro"]
    names = {one["name"] for one in task.result["artifacts"]}
    assert names >= {"report.html", "result.json", "attempts.md", "repro/test_repro_half_a_cent_is_lost.py"}


def test_a_bug_of_which_nothing_can_be_run_fails_its_task_with_the_reason(
    deployment: Deployment, tmp_path: Path, now: datetime
) -> None:
    result, task = run(deployment, tmp_path / "invoicing", "It does not work.", now)

    assert not result.success
    assert task.status is TaskStatus.FAILED
    assert (task.error or "").startswith("unclear: The description holds nothing that could be run")
