"""An instant is the same instant on both databases, whatever zone it came in."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import StatementError

from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.tables import feedback


def _row(at: datetime, name: str = "x") -> dict[str, object]:
    return {"id": name, "subject": name, "rating": 3, "notes": "", "created_at": at}


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 3, 4, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(2026, 12, 31, 22, 30, tzinfo=timezone(timedelta(hours=-3))),
        datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_an_instant_of_any_zone_comes_back_in_utc(store: Engine, at: datetime) -> None:
    with write_transaction(store) as conn:
        conn.execute(insert(feedback).values(_row(at)))
        stored = conn.execute(select(feedback.c.created_at)).scalar_one()
        found = conn.execute(select(feedback.c.id).where(feedback.c.created_at == at)).scalar_one_or_none()
    assert stored == at.astimezone(UTC)
    assert stored.utcoffset() == timedelta(0)
    assert found == "x"


def test_instants_of_different_zones_sort_by_time(store: Engine) -> None:
    east, west = timezone(timedelta(hours=9)), timezone(timedelta(hours=-8))
    with write_transaction(store) as conn:
        conn.execute(insert(feedback).values(_row(datetime(2026, 3, 4, 1, tzinfo=west), "last")))
        conn.execute(insert(feedback).values(_row(datetime(2026, 3, 4, 9, tzinfo=east), "first")))
        conn.execute(insert(feedback).values(_row(datetime(2026, 3, 4, 1, tzinfo=UTC), "middle")))
        ordered = conn.execute(select(feedback.c.id).order_by(feedback.c.created_at)).scalars().all()
    assert ordered == ["first", "middle", "last"]


def test_a_naive_instant_is_refused_with_advice(store: Engine) -> None:
    naive = datetime(2026, 3, 4, 9, 30)  # noqa: DTZ001 # the mistake under test
    with (
        write_transaction(store) as conn,
        pytest.raises(StatementError, match="naive datetime 2026-03-04T09:30:00: give it a time zone"),
    ):
        conn.execute(insert(feedback).values(_row(naive)))
