"""What is known of incidents from before a scan, found by any of their fingerprints."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine

from repo_agent_dagster.ops.analysis.model import Fingerprint, History
from repo_agent_dagster.ops.issues.history import history_of
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ops_sightings import Sighting
from tests.ops.failures import failure, incident
from tests.ops.issues.conftest import DAY, problem, scan


def history(engine: Engine, fingerprint: Fingerprint, days_later: int = 3) -> History:
    one = incident(failure("it failed"), fingerprint=fingerprint)
    with write_transaction(engine) as connection:
        return history_of(connection, [one], DAY + timedelta(days=days_later), days=3)[fingerprint.value]


def seen(*names: str, occurrences: int = 4, **changes: object) -> Sighting:
    first, *aliases = names
    return replace(problem("x"), fingerprint=first, aliases=tuple(aliases), occurrences=occurrences, **changes)


def test_an_incident_that_was_never_seen_has_no_status_and_counts_of_nothing(store: Engine) -> None:
    scan(store, seen("other"))
    scan(store, day=DAY + timedelta(days=1))

    assert history(store, Fingerprint("new")) == History((0, 0, 0), scanned_days=2)


def test_an_incident_is_known_by_its_fingerprint_or_an_alias(store: Engine) -> None:
    scan(store, seen("f", "alias"))

    known = History((4, 0, 0), scanned_days=1, status="open")
    assert history(store, Fingerprint("f")) == known
    assert history(store, Fingerprint("moved", ("alias",))) == known


def test_an_incident_is_known_by_earlier_rules_until_the_present_ones_know_its_issue(sqlite_store: Engine) -> None:
    scan(sqlite_store, seen("old"))
    before = history(sqlite_store, Fingerprint("n", (), ("old",)))

    later = DAY + timedelta(days=1)
    scan(sqlite_store, seen("m", day=later, earlier_fingerprints=("old",), fingerprint_version="2"), day=later)

    assert before.status == "open"
    assert history(sqlite_store, Fingerprint("n", (), ("old",))).status is None
    assert history(sqlite_store, Fingerprint("m")).daily_counts == (4, 4, 0)
