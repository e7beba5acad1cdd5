"""Write the rows that every installation starts with, from `sql/seeds`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy import Engine

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.problems import describe
from repo_agent_dagster.contracts.tasks import Pathway
from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.store import repeatable_tasks
from repo_agent_dagster.store.engine import write_transaction


class SeedError(PermanentFault):
    """A seed file does not say what a seed file must."""


class _PathwaySeed(SnakeContract):
    pathway: Pathway
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(min_length=1)]
    prompt_template: Annotated[str, Field(min_length=1)]


_PATHWAY_SEEDS = TypeAdapter(list[_PathwaySeed])


def seed(engine: Engine, *, now: datetime, folder: Path | None = None) -> int:
    """Write the missing and the changed seed rows in one transaction; return how many there were.

    Rows that the seeds do not name are left alone. `folder` defaults to the installation's `sql/seeds`.

    Raises:
        SeedError: a seed file is malformed.
    """
    pathways = _read((folder or packaged_path("sql", "seeds")) / "repeatable_tasks.yaml")
    with write_transaction(engine) as conn:
        written = [
            repeatable_tasks.put_pathway(
                conn,
                entry.pathway,
                name=entry.name,
                description=entry.description,
                prompt_template=entry.prompt_template,
                now=now,
            )
            for entry in pathways
        ]
    return sum(written)


def _read(path: Path) -> list[_PathwaySeed]:
    try:
        return _PATHWAY_SEEDS.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise SeedError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        raise SeedError(f"{path} is no list of pathways: {describe(error)}") from error
