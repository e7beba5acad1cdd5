"""How far chains were verified: what was appended alone, whole walks, and breaks that stay on record."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, update

from repo_agent_dagster.store import custody_verdicts
from repo_agent_dagster.store.custody_verdicts import CustodyVerdict, verify_all_appended, verify_appended, verify_whole
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.tables import patch_custody, patch_events
from tests.reports.builder import APPLIED, event_rows, write

SHOP = "/srv/shop"


def _known(store: Engine) -> dict[str, CustodyVerdict]:
    with read_transaction(store) as conn:
        return custody_verdicts.verdicts(conn, custody_verdicts.workspaces(conn))


def _edit(store: Engine, event_id: int) -> None:
    with write_transaction(store) as conn:
        conn.execute(update(patch_events).where(patch_events.c.id == event_id).values(requester="somebody-else"))


def test_only_what_was_appended_is_walked(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, APPLIED))
    first = verify_appended(store, SHOP, now=now)
    _edit(store, 1)
    write(store, event_rows(now, APPLIED))
    second = verify_appended(store, SHOP, now=now + timedelta(hours=1))
    assert (first.position.seq, second.position.seq, second.is_intact) == (2, 4, True)
    assert second.walked_at == now, "the last walk from the start"
    assert _known(store) == {SHOP: second}


def test_a_break_among_what_was_appended_stays_on_record(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, APPLIED))
    verify_appended(store, SHOP, now=now)
    write(store, event_rows(now, APPLIED))
    _edit(store, 4)
    broken = verify_appended(store, SHOP, now=now)
    write(store, event_rows(now, APPLIED))
    assert verify_appended(store, SHOP, now=now) == broken == _known(store)[SHOP]
    assert (broken.position.seq, broken.is_intact) == (3, False)
    assert "event 4 is not what custody row 4 tells" in (broken.problem or "")


def test_a_whole_walk_finds_what_was_changed_long_ago_and_that_it_was_put_right(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, APPLIED))
    verify_appended(store, SHOP, now=now)
    _edit(store, 1)
    assert not verify_whole(store, SHOP, now=now + timedelta(hours=1)).is_intact
    assert not _known(store)[SHOP].is_intact
    with write_transaction(store) as conn:
        conn.execute(update(patch_events).where(patch_events.c.id == 1).values(requester="agent-a"))
    assert verify_whole(store, SHOP, now=now + timedelta(hours=2)).is_intact
    assert _known(store)[SHOP].walked_at == now + timedelta(hours=2)


def test_of_two_whole_walks_the_one_that_began_later_is_kept(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, APPLIED))
    _edit(store, 1)
    verify_whole(store, SHOP, now=now)
    with write_transaction(store) as conn:
        conn.execute(update(patch_events).where(patch_events.c.id == 1).values(requester="agent-a"))
    verify_whole(store, SHOP, now=now - timedelta(hours=1))
    assert not _known(store)[SHOP].is_intact


def test_rows_that_were_cut_off_at_the_end_show(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, APPLIED))
    verify_all_appended(store, now=now)
    with write_transaction(store) as conn:
        conn.execute(delete(patch_custody).where(patch_custody.c.seq == 2))
        conn.execute(delete(patch_events).where(patch_events.c.id == 2))
    [cut] = verify_all_appended(store, now=now)
    assert "custody row 2 is not what it was" in (cut.problem or "")


def test_a_chain_that_was_cut_off_and_grown_again_shows(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, APPLIED))
    verify_all_appended(store, now=now)
    with write_transaction(store) as conn:
        conn.execute(delete(patch_custody).where(patch_custody.c.seq == 2))
        conn.execute(delete(patch_events).where(patch_events.c.id == 2))
    write(store, event_rows(now, APPLIED))
    [grown] = verify_all_appended(store, now=now)
    assert not grown.is_intact


def test_chains_that_got_nothing_are_not_looked_at(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, APPLIED), event_rows(now, APPLIED, workspace="/srv/other"))
    assert [verdict.workspace for verdict in verify_all_appended(store, now=now)] == ["/srv/other", SHOP]
    write(store, event_rows(now, APPLIED))
    assert [verdict.workspace for verdict in verify_all_appended(store, now=now)] == [SHOP]
    assert verify_all_appended(store, now=now) == []


def test_a_verdict_on_less_never_replaces_one_on_more(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, APPLIED))
    older = verify_appended(store, SHOP, now=now)
    write(store, event_rows(now, APPLIED))
    newer = verify_appended(store, SHOP, now=now)
    with write_transaction(store) as conn:
        custody_verdicts._put_appended(conn, older, older)
        custody_verdicts._put_appended(conn, older, None)
    assert _known(store)[SHOP] == newer
