"""By which fingerprints each ops issue is known: its own, its aliases, and those by earlier versions of the rules."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select

from repo_agent_dagster.store.rows import insert_statement
from repo_agent_dagster.store.tables import ops_fingerprints

_PER_QUERY = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """A fingerprint and the issue that it leads to; an alias is one that others may come to share."""

    fingerprint: str
    issue_id: str
    is_alias: bool


def known(connection: Connection, fingerprints: Iterable[str]) -> dict[str, str]:
    """Return the id of the issue of each fingerprint that is known."""
    wanted = sorted(set(fingerprints))
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _PER_QUERY):
        rows = connection.execute(
            select(ops_fingerprints.c.fingerprint, ops_fingerprints.c.issue_id).where(
                ops_fingerprints.c.fingerprint.in_(wanted[start : start + _PER_QUERY])
            )
        )
        found.update((row.fingerprint, row.issue_id) for row in rows)
    return found


def known_before(connection: Connection, fingerprints: Iterable[str], *, version: str) -> dict[str, str]:
    """Return the issues of fingerprints by other versions of the rules, of those that `version` does not know yet.

    An issue that has a fingerprint by `version` is found by that alone: other versions told other things apart.
    """
    wanted = sorted(set(fingerprints))
    newer = ops_fingerprints.alias()
    by_version = exists().where(newer.c.issue_id == ops_fingerprints.c.issue_id, newer.c.version == version)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _PER_QUERY):
        rows = connection.execute(
            select(ops_fingerprints.c.fingerprint, ops_fingerprints.c.issue_id).where(
                ops_fingerprints.c.fingerprint.in_(wanted[start : start + _PER_QUERY]), ~by_version
            )
        )
        found.update((row.fingerprint, row.issue_id) for row in rows)
    return found


def remember(connection: Connection, owners: Collection[Known], *, version: str, now: datetime) -> None:
    """Keep by what issues are known; a fingerprint that leads to an issue already stays with that one."""
    if not owners:
        return
    rows = {
        owner.fingerprint: {
            "fingerprint": owner.fingerprint,
            "issue_id": owner.issue_id,
            "version": version,
            "is_alias": owner.is_alias,
            "created_at": now,
        }
        for owner in owners
    }
    connection.execute(
        insert_statement(connection, ops_fingerprints).on_conflict_do_nothing(), [rows[key] for key in sorted(rows)]
    )


def fingerprints_of(connection: Connection, issue_id: str) -> list[str]:
    """Return all fingerprints that lead to an issue, its own first."""
    rows = connection.execute(
        select(ops_fingerprints.c.fingerprint)
        .where(ops_fingerprints.c.issue_id == issue_id)
        .order_by(ops_fingerprints.c.is_alias, ops_fingerprints.c.fingerprint)
    )
    return list(rows.scalars())
