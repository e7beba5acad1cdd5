"""A unit's migration moves on by guarded steps; one row for a content and a target root."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.store import staging_migrations
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.staging_migrations import StagingMigration, StagingStateError, StagingStatus
from repo_agent_dagster.store.storable import UnfitValueError

DIGEST = "a" * 64


def seen(store: Engine, now: datetime, unit: str = "app", digest: str = DIGEST) -> StagingMigration:
    with write_transaction(store) as conn:
        return staging_migrations.upsert_seen(conn, unit, digest, "/repo", now=now)


def stored(store: Engine, migration_id: str) -> StagingMigration:
    with read_transaction(store) as conn:
        found = staging_migrations.get(conn, migration_id)
    assert found is not None
    return found


def move(store: Engine, migration_id: str, *path: StagingStatus, now: datetime) -> bool:
    moved = True
    for status in path:
        with write_transaction(store) as conn:
            moved = staging_migrations.set_status(conn, migration_id, status, now=now)
    return moved


def test_a_unit_is_seen_once_for_each_content_and_root(store: Engine, now: datetime) -> None:
    first = seen(store, now)
    again = seen(store, now + timedelta(hours=1))
    changed = seen(store, now, digest="b" * 64)

    assert again == first
    assert changed.id != first.id
    assert (first.status, first.created_at, first.plan, first.error) == (StagingStatus.SEEN, now, None, None)


def test_a_migration_keeps_what_each_step_brought(store: Engine, now: datetime) -> None:
    row = seen(store, now)
    later = now + timedelta(minutes=1)

    with write_transaction(store) as conn:
        staging_migrations.set_status(
            conn, row.id, StagingStatus.PLANNED, now=later, order_id="42", plan={"changes": ["ä\0"]}
        )
        staging_migrations.set_status(conn, row.id, StagingStatus.FAILED, now=later, error="boom")

    found = stored(store, row.id)
    assert (found.status, found.order_id, found.error) == (StagingStatus.FAILED, "42", "boom")
    assert found.plan == {"changes": ["ä\ufffd"]}
    assert (found.created_at, found.updated_at) == (now, later)


def test_an_error_is_gone_when_the_next_attempt_begins(store: Engine, now: datetime) -> None:
    row = seen(store, now)
    with write_transaction(store) as conn:
        staging_migrations.set_status(conn, row.id, StagingStatus.FAILED, now=now, error="boom")

    move(store, row.id, StagingStatus.PLANNED, now=now)

    assert stored(store, row.id).error is None


@pytest.mark.parametrize(
    ("path", "to", "allowed"),
    [
        ([], StagingStatus.PLANNED, True),
        ([], StagingStatus.APPLIED, False),
        ([], StagingStatus.VALIDATED, False),
        ([], StagingStatus.ROLLED_BACK, False),
        ([StagingStatus.PLANNED], StagingStatus.APPLIED, True),
        ([StagingStatus.PLANNED], StagingStatus.VALIDATED, True),
        ([StagingStatus.PLANNED], StagingStatus.ROLLED_BACK, False),
        ([StagingStatus.PLANNED, StagingStatus.APPLIED], StagingStatus.VALIDATED, True),
        ([StagingStatus.PLANNED, StagingStatus.APPLIED], StagingStatus.APPLIED, True),
        ([StagingStatus.PLANNED, StagingStatus.APPLIED], StagingStatus.ROLLED_BACK, True),
        ([StagingStatus.PLANNED, StagingStatus.APPLIED, StagingStatus.VALIDATED], StagingStatus.PLANNED, True),
        ([StagingStatus.PLANNED, StagingStatus.APPLIED, StagingStatus.VALIDATED], StagingStatus.FAILED, False),
    ],
)
def test_only_the_steps_that_make_sense_are_taken(
    store: Engine, now: datetime, path: list[StagingStatus], to: StagingStatus, allowed: bool
) -> None:
    row = seen(store, now)
    move(store, row.id, *path, now=now)
    before = stored(store, row.id)

    assert move(store, row.id, to, now=now) is allowed
    assert stored(store, row.id).status is (to if allowed else before.status)


def test_nothing_is_put_back_to_seen(store: Engine, now: datetime) -> None:
    row = seen(store, now)

    with pytest.raises(StagingStateError, match="plan it again"), write_transaction(store) as conn:
        staging_migrations.set_status(conn, row.id, StagingStatus.SEEN, now=now)


def test_an_unknown_migration_is_neither_found_nor_moved(store: Engine, now: datetime) -> None:
    assert move(store, "none", StagingStatus.PLANNED, now=now) is False
    with read_transaction(store) as conn:
        assert staging_migrations.get(conn, "none") is None


def test_a_name_that_is_too_long_is_refused_on_both_databases(store: Engine, now: datetime) -> None:
    with pytest.raises(UnfitValueError):
        seen(store, now, unit="u" * 201)


def test_the_list_is_filtered_and_has_the_last_changed_first(store: Engine, now: datetime) -> None:
    first, second = seen(store, now), seen(store, now, unit="other")
    move(store, first.id, StagingStatus.PLANNED, now=now + timedelta(minutes=1))

    with read_transaction(store) as conn:
        everything = staging_migrations.listing(conn)
        one_unit = staging_migrations.listing(conn, unit="other")
        planned = staging_migrations.listing(conn, status=StagingStatus.PLANNED)
        newest = staging_migrations.listing(conn, limit=1)

    assert [row.id for row in everything] == [first.id, second.id]
    assert [row.id for row in one_unit] == [second.id]
    assert [row.id for row in planned] == [first.id] == [row.id for row in newest]
