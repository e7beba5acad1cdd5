"""The direct queries run as they are shown, and none of them goes through all events for a bounded range."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, TextClause, text

from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.store.engine import open_store, read_transaction, write_transaction
from repo_agent_dagster.store.migrate import upgrade
from repo_agent_dagster.store.patch_rollups import DirectQuery, shown_query
from repo_agent_dagster.store.patch_rollups.queries import (
    NEWEST,
    direct_query,
    facts_of_changed,
    facts_of_range,
    own_query,
)
from tests.postgres_cluster import PostgresCluster
from tests.reports.builder import VALIDATED, event_rows, write

DAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = UtcRange(DAY + timedelta(days=60), DAY + timedelta(days=67))
PATCHES = 24 * 120

QUERIES: dict[str, TextClause] = {
    **{query.value: direct_query(query) for query in DirectQuery},
    "facts_of_range": facts_of_range(),
    "facts_of_changed": facts_of_changed(),
    "touched_days": own_query("touched_days"),
}


@pytest.fixture(scope="module")
def full_stores(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresCluster) -> Iterator[dict[str, Engine]]:
    """A store of each database with so many events that reading them all would be a planner's last choice."""
    postgres_url = postgres.create_store()
    engines = {
        "sqlite": open_store(f"sqlite:///{tmp_path_factory.mktemp('full') / 'store.db'}"),
        "postgresql": open_store(postgres_url),
    }
    upgrade(engines["sqlite"])
    for engine in engines.values():
        write(engine, *(event_rows(DAY + timedelta(hours=hour), VALIDATED, check=True) for hour in range(PATCHES)))
        with write_transaction(engine) as conn:
            conn.execute(text("ANALYZE patch_events"))
    yield engines
    for engine in engines.values():
        engine.dispose()
    postgres.drop(postgres_url)


def _plan(store: Engine, query: TextClause, *, news: int) -> list[str]:
    bounds = {"from_at": WEEK.start, "to_at": WEEK.end, "upto": NEWEST}
    bounds |= {"after": 3 * PATCHES - news, "newest": 3 * PATCHES}
    asked = query._bindparams
    explained = text(("EXPLAIN QUERY PLAN " if store.dialect.name == "sqlite" else "EXPLAIN ") + query.text)
    explained = explained.bindparams(*asked.values())
    with read_transaction(store) as conn:
        rows = conn.execute(explained, {name: value for name, value in bounds.items() if name in asked})
        return [str(row[-1]).strip() for row in rows]


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", QUERIES)
def test_a_bounded_range_reads_its_own_rows_by_index(full_stores: dict[str, Engine], database: str, name: str) -> None:
    plan = _plan(full_stores[database], QUERIES[name], news=30)

    of_events = ("opening", "step", "verdict", "failure", "news")
    assert not [line for line in plan if "Seq Scan on patch_events" in line], plan
    assert not [line for line in plan if line.split()[:1] == ["SCAN"] and line.split()[1] in of_events], plan
    index = "ix_patch_events_created_at" if name not in ("facts_of_changed", "touched_days") else "ix_patch_events_life"
    assert any(index in line for line in plan), plan


@pytest.mark.postgres
def test_noting_many_events_does_not_hash_all_of_them(full_stores: dict[str, Engine]) -> None:
    plan = "\n".join(_plan(full_stores["postgresql"], QUERIES["touched_days"], news=2 * PATCHES))
    assert "Hash Join" not in plan


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("query", DirectQuery)
def test_a_query_runs_as_it_is_shown(full_stores: dict[str, Engine], database: str, query: DirectQuery) -> None:
    with read_transaction(full_stores[database]) as conn:
        shown = conn.exec_driver_sql(shown_query(query, WEEK, database)).all()
        bound = conn.execute(direct_query(query), {"from_at": WEEK.start, "to_at": WEEK.end, "upto": NEWEST}).all()
    assert shown == bound
    if query not in (DirectQuery.ERRORS, DirectQuery.LATENCY):
        counted = "patches" if query is DirectQuery.CELLS else "total"
        assert sum(getattr(row, counted) for row in bound) == 24 * 7


def test_no_comment_of_a_query_names_a_parameter() -> None:
    # The parameter would be bound there, too, and SQLite then finds too many values.
    for path in packaged_path("sql", "queries").glob("*.sql"):
        comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("--")]
        assert not text("\n".join(comments))._bindparams, path
