"""Every call of a model ends up in the store, also what a database could not keep as it is."""

from datetime import datetime

from sqlalchemy import Engine

from repo_agent_dagster.ai import Provider, into_store
from repo_agent_dagster.contracts.tasks import OpsScanPayload, Pathway
from repo_agent_dagster.store import ai_logs, task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from tests.ai.conftest import MakeProvider
from tests.ai.endpoint_server import ModelServer, completion, error
from tests.ai.test_provider import GOOD, ask


def test_the_calls_of_a_task_are_on_record_in_their_order(
    store: Engine, model: ModelServer, provider: MakeProvider, now: datetime
) -> None:
    with write_transaction(store) as conn:
        task = task_requests.submit(conn, Pathway.OPS_SCAN, OpsScanPayload(day=now.date()), now=now)
    asked = Provider(
        provider().spec, clock=lambda: now, record=into_store(store), task_request_id=task.id, pause=lambda _: None
    )
    model.says(error(503, "later"), completion("not\0JSON", tokens=40), completion(GOOD, tokens=60))

    ask(asked)

    with read_transaction(store) as conn:
        listed, totals = ai_logs.listing(conn, task.id), ai_logs.totals(conn, task.id)
    assert [call.response for call in listed][:2] == ["[no reply] HTTP 503: later", "not\ufffdJSON"]
    assert (totals.calls, totals.tokens) == (3, 100)
