"""Calls of a model on record: `ai_operation_logs`, one row for each, whole."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from repo_agent_dagster.store import ai_logs
from repo_agent_dagster.store.ai_logs import AiCall
from repo_agent_dagster.store.engine import write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine


def into_store(engine: "Engine") -> Callable[[AiCall], None]:
    """Return what a `Provider` is to do with each call: each is committed by itself, before its answer is used."""

    def record(call: AiCall) -> None:
        with write_transaction(engine) as conn:
            ai_logs.append(conn, call)

    return record
