"""A miner's state outlives its scan, and is kept with what was made of it or not at all."""

from datetime import datetime

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.ops.analysis.templates import TemplateMiner
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_templates import load, save


def learnt(*lines: str) -> TemplateMiner:
    miner = TemplateMiner()
    for line in lines:
        miner.learn(line)
    return miner


def interrupted_scan(store: Engine, now: datetime) -> None:
    with write_transaction(store) as connection:
        save(connection, "actions", learnt("one", "two words").to_state(), now=now)
        raise KeyboardInterrupt


def test_a_state_comes_back_as_it_was_kept(store: Engine, now: datetime) -> None:
    state = learnt("cart of alice is lost", "cart of bob is lost", "disk \x00 full – <NUM>").to_state()

    with write_transaction(store) as connection:
        assert load(connection, "actions") is None
        assert save(connection, "actions", state, now=now)

    with read_transaction(store) as connection:
        kept = load(connection, "actions")
        assert load(connection, "other") is None
    assert kept is not None
    assert TemplateMiner.from_state(kept).learn("cart of carol is lost").id == 1


def test_a_state_takes_the_place_of_the_one_before(store: Engine, now: datetime) -> None:
    with write_transaction(store) as connection:
        save(connection, "actions", learnt("one").to_state(), now=now)
        assert not save(connection, "actions", learnt("one").to_state(), now=now)
        assert save(connection, "actions", learnt("one", "two words").to_state(), now=now)

    with read_transaction(store) as connection:
        kept = load(connection, "actions")
    assert kept == learnt("one", "two words").to_state()


def test_a_scan_that_is_killed_has_learnt_nothing(store: Engine, now: datetime) -> None:
    with write_transaction(store) as connection:
        save(connection, "actions", learnt("one").to_state(), now=now)

    with pytest.raises(KeyboardInterrupt):
        interrupted_scan(store, now)

    with read_transaction(store) as connection:
        assert load(connection, "actions") == learnt("one").to_state()
