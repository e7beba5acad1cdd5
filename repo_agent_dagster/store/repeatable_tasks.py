"""The pathways as people see them: their names, descriptions and prompt templates."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from repo_agent_dagster.contracts.tasks import Pathway
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import fetch_all, fetch_one, put
from repo_agent_dagster.store.tables import repeatable_tasks

_row = repeatable_tasks.c


@dataclass(frozen=True)
class RepeatableTask:
    """One pathway's row. `prompt_template` is Jinja2 over the fields of the pathway's payload.

    `pathway` is text here: a database may hold pathways that an older or newer version of the code knows.
    """

    id: str
    pathway: str
    name: str
    description: str
    prompt_template: str
    created_at: datetime


def put_pathway(
    conn: Connection, pathway: Pathway, *, name: str, description: str, prompt_template: str, now: datetime
) -> bool:
    """Write the pathway's row if it is missing or differs; return whether it was written."""
    values = {
        "id": new_id(),
        "pathway": pathway.value,
        "name": name,
        "description": description,
        "prompt_template": prompt_template,
        "created_at": now,
    }
    return put(conn, repeatable_tasks, values, key=["pathway"])


def get(conn: Connection, pathway: Pathway) -> RepeatableTask | None:
    """Return the pathway's row, or None when the database was not seeded with it."""
    return fetch_one(conn, repeatable_tasks, RepeatableTask, _row.pathway == pathway.value)


def listing(conn: Connection) -> list[RepeatableTask]:
    """Return every pathway's row, by name of the pathway."""
    return fetch_all(conn, repeatable_tasks, RepeatableTask, order_by=[_row.pathway])
