"""By which fingerprints an issue is found: the present rules' always, earlier rules' until the present ones know it."""

from datetime import datetime

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ops_fingerprints import Known, fingerprints_of, known, known_before, remember
from tests.store.test_ops_sightings import record, sighting

OLD, NEW, CLUSTER = "0" * 64, "2" * 64, "c" * 64


@pytest.fixture
def issue_id(store: Engine, now: datetime) -> str:
    """An issue that was opened under version 1."""
    return record(store, sighting(fingerprint=OLD), now).issue_id


def test_an_issue_is_found_by_earlier_rules_until_the_present_ones_know_it(
    store: Engine, now: datetime, issue_id: str
) -> None:
    with write_transaction(store) as connection:
        assert known_before(connection, [OLD, NEW], version="2") == {OLD: issue_id}
        assert known_before(connection, [OLD], version="1") == {}

        remember(connection, [Known(NEW, issue_id, is_alias=False)], version="2", now=now)

        assert known_before(connection, [OLD], version="2") == {}
        assert known(connection, [OLD, NEW, CLUSTER]) == {OLD: issue_id, NEW: issue_id}


def test_a_fingerprint_that_leads_to_an_issue_stays_with_it(store: Engine, now: datetime, issue_id: str) -> None:
    other = record(store, sighting(fingerprint="3" * 64), now).issue_id
    with write_transaction(store) as connection:
        remember(connection, [Known(CLUSTER, issue_id, is_alias=True)], version="2", now=now)
        remember(connection, [Known(CLUSTER, other, is_alias=True)], version="2", now=now)

        assert known(connection, [CLUSTER]) == {CLUSTER: issue_id}
        assert fingerprints_of(connection, issue_id) == [OLD, CLUSTER]


def test_thousands_are_looked_up_at_once(store: Engine, now: datetime, issue_id: str) -> None:
    many = [f"{number:064}" for number in range(1, 2500)]
    with write_transaction(store) as connection:
        remember(connection, [Known(one, issue_id, is_alias=True) for one in many], version="2", now=now)

        assert len(known(connection, many)) == len(many)
