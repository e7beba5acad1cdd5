"""Seeding may be repeated: what is there stays, what changed is updated."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import jinja2
import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.tasks import PAYLOADS, Pathway
from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.store import repeatable_tasks
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.repeatable_tasks import RepeatableTask
from repo_agent_dagster.store.seed import SeedError, seed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the seeds that a test may change."""
    return Path(shutil.copytree(packaged_path("sql", "seeds"), tmp_path / "seeds"))


def _rows(store: Engine) -> list[RepeatableTask]:
    with read_transaction(store) as conn:
        return repeatable_tasks.listing(conn)


def test_every_pathway_is_seeded_once(store: Engine, now: datetime) -> None:
    assert seed(store, now=now) == len(Pathway)
    first = _rows(store)

    assert seed(store, now=now + timedelta(days=1)) == 0

    assert _rows(store) == first
    assert [row.pathway for row in first] == sorted(Pathway)


def test_a_changed_seed_updates_its_row_alone(store: Engine, now: datetime, folder: Path) -> None:
    seed(store, now=now, folder=folder)
    before = _rows(store)
    path = folder / "repeatable_tasks.yaml"
    path.write_text(path.read_text().replace("Scan the logs of a day", "Nightly scan"))

    assert seed(store, now=now + timedelta(days=1), folder=folder) == 1

    with read_transaction(store) as conn:
        scan = repeatable_tasks.get(conn, Pathway.OPS_SCAN)
    assert scan is not None
    assert (scan.name, scan.created_at) == ("Nightly scan", now)
    assert scan.id in {row.id for row in before}
    assert len(set(_rows(store)) - set(before)) == 1


def test_a_pathway_that_was_not_seeded_is_none(store: Engine) -> None:
    with read_transaction(store) as conn:
        assert repeatable_tasks.get(conn, Pathway.OPS_SCAN) is None


def test_the_prompt_templates_use_only_fields_of_their_payload(store: Engine, now: datetime) -> None:
    seed(store, now=now)
    for row in _rows(store):
        fields = dict.fromkeys(PAYLOADS[Pathway(row.pathway)].model_fields, "value")
        rendered = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(
            row.prompt_template
        )
        assert "value" in rendered.render(fields)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- pathway: [", "is not YAML"),
        ("pathway: ops_scan", "is no list of pathways: Input should be a valid list"),
        ("- pathway: sleep\n  name: x\n  description: x\n  prompt_template: x", r"\[0\]\.pathway: Input should be"),
        ("- pathway: ops_scan\n  name: x\n  description: x", r"\[0\]\.prompt_template: Field required"),
    ],
)
def test_a_malformed_seed_is_refused_with_its_place(
    sqlite_store: Engine, now: datetime, folder: Path, content: str, message: str
) -> None:
    (folder / "repeatable_tasks.yaml").write_text(content)
    with pytest.raises(SeedError, match=message):
        seed(sqlite_store, now=now, folder=folder)
    assert _rows(sqlite_store) == []
