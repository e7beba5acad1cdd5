"""Ops issues: one row for each problem, and the guarded steps of its life. What scans write: `ops_sightings`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.issue_details import IssueDetails
from repo_agent_dagster.contracts.ops import ALLOWED_FROM, SETTLED_STATUSES, IssueStatus
from repo_agent_dagster.store.ops_tallies import in_parts
from repo_agent_dagster.store.rows import storable
from repo_agent_dagster.store.tables import ops_issues


class UnknownIssue(PermanentFault):
    """No ops issue has this id."""


class IssueStepRefused(PermanentFault):
    """The issue's status does not allow the step, e.g. because somebody else took it meanwhile."""


@dataclass(frozen=True, slots=True)
class OpsIssue:
    """One ops issue. `severity` is 1 (highest) to 5; `occurrences` counts the lines of all scanned days.

    `missed_scans` counts the scanned days since it was last seen. The fields `gh_…` say what is known of its issue on
    GitHub; `gh_state` is open, closed, deleted, transferred, locked or disabled, and `gh_problem` tells why.
    """

    id: str
    kind: str
    severity: int
    severity_reasons: list[str]
    status: IssueStatus
    title: str
    place: str
    worker: str | None
    repo: str | None
    run_id: str | None
    cause: str | None
    template: str | None
    prompt: str
    analysis: str
    sample: list[dict[str, Any]] | None
    details: IssueDetails
    fingerprint: str
    occurrences: int
    regressions: int
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    created_at: datetime
    assignee: str | None
    missed_scans: int
    gh_repo: str | None
    gh_issue_number: int | None
    gh_issue_url: str | None
    gh_state: str | None
    gh_comment_id: int | None
    gh_problem: str | None
    gh_synced_at: datetime | None
    order_id: str | None

    @property
    def is_settled(self) -> bool:
        """Whether it is resolved or closed."""
        return self.status in SETTLED_STATUSES


_COLUMNS = [ops_issues.c[name] for name in OpsIssue.__dataclass_fields__]


def get(connection: Connection, issue_id: str) -> OpsIssue:
    """Return an issue by its id.

    Raises:
        UnknownIssue: there is none.
    """
    row = connection.execute(select(*_COLUMNS).where(ops_issues.c.id == issue_id)).one_or_none()
    if row is None:
        raise _unknown(issue_id)
    return _issue(row)


def listing(
    connection: Connection,
    *,
    status: IssueStatus | str | None = None,
    severity_at_most: int | None = None,
    cause: str | None = None,
    place: str = "",
    id_end: str = "",
    limit: int = 200,
) -> Sequence[OpsIssue]:
    """Return the issues, the gravest and most recently seen first.

    `severity_at_most=2` means 1 and 2; `place` is a part of the place, in any case; `id_end` is how the id ends.
    """
    conditions = []
    if status is not None:
        conditions.append(ops_issues.c.status == IssueStatus(status).value)
    if severity_at_most is not None:
        conditions.append(ops_issues.c.severity <= severity_at_most)
    if cause is not None:
        conditions.append(ops_issues.c.cause == cause)
    if place:
        conditions.append(ops_issues.c.place.icontains(place, autoescape=True))
    if id_end:
        conditions.append(ops_issues.c.id.endswith(id_end, autoescape=True))
    rows = connection.execute(
        select(*_COLUMNS)
        .where(*conditions)
        .order_by(ops_issues.c.severity, ops_issues.c.last_seen.desc(), ops_issues.c.id)
        .limit(limit)
    )
    return [_issue(row) for row in rows]


def set_status(connection: Connection, issue_id: str, status: IssueStatus, *, now: datetime) -> None:
    """Take an issue a step on: triage, claim (`in_progress`), resolve or close.

    Raises:
        UnknownIssue: there is no such issue.
        IssueStepRefused: its status does not allow the step; a second claim is refused, too.
    """
    allowed = ALLOWED_FROM.get(status, ())
    values: dict[str, Any] = {"status": status.value}
    if status in SETTLED_STATUSES:
        values["resolved_at"] = func.coalesce(ops_issues.c.resolved_at, now)
    updated = connection.execute(
        ops_issues.update()
        .where(ops_issues.c.id == issue_id, ops_issues.c.status.in_([s.value for s in allowed]))
        .values(**values)
    )
    if updated.rowcount == 0:
        issue = get(connection, issue_id)
        possible = [target.value for target, sources in ALLOWED_FROM.items() if issue.status in sources]
        raise IssueStepRefused(
            f"ops issue {issue_id} is {issue.status.value} and cannot become {status.value}; "
            f"possible from here: {', '.join(possible) or 'nothing, until it is seen again'}"
        )


def get_many(connection: Connection, issue_ids: Collection[str]) -> dict[str, OpsIssue]:
    """Return the issues with these ids, by id; ids that no issue has are left out."""
    found: dict[str, OpsIssue] = {}
    for part in in_parts(sorted(set(issue_ids))):
        for row in connection.execute(select(*_COLUMNS).where(ops_issues.c.id.in_(part))):
            found[row.id] = _issue(row)
    return found


def claim(connection: Connection, issue_id: str, assignee: str) -> bool:
    """Take an issue on in somebody's name; return False when it is theirs already.

    Raises:
        UnknownIssue: there is no such issue.
        IssueStepRefused: another holds it, or it is settled.
    """
    issue = locked(connection, issue_id)
    if issue.status is IssueStatus.IN_PROGRESS and issue.assignee == assignee:
        return False
    if issue.status is IssueStatus.IN_PROGRESS and issue.assignee is not None:
        raise IssueStepRefused(f"ops issue {issue_id} is held by {issue.assignee}; ask them, or resolve it")
    if issue.status is not IssueStatus.IN_PROGRESS:
        set_status(connection, issue_id, IssueStatus.IN_PROGRESS, now=issue.last_seen)
    write(connection, issue_id, assignee=assignee)
    return True


def settle(
    connection: Connection,
    issue_id: str,
    status: IssueStatus,
    note: str,
    *,
    now: datetime,
    order_id: str | None = None,
) -> None:
    """Resolve or close an issue, and keep what was noted on it and which order brought it about.

    Raises:
        UnknownIssue: there is no such issue.
        IssueStepRefused: its status does not allow it.
    """
    issue = locked(connection, issue_id)
    set_status(connection, issue_id, status, now=now)
    if order_id:
        write(connection, issue_id, order_id=order_id)
    if note:
        details = issue.details.model_copy(update={"resolution": note})
        write(connection, issue_id, details=details.model_dump(mode="json"))


def reopen(connection: Connection, issue_id: str, *, is_regression: bool) -> None:
    """Make a settled issue open again: seen again after it was settled, or reopened by a person on GitHub."""
    again = ops_issues.c.regressions + 1 if is_regression else ops_issues.c.regressions
    connection.execute(
        ops_issues.update()
        .where(ops_issues.c.id == issue_id, ops_issues.c.status.in_([s.value for s in SETTLED_STATUSES]))
        .values(status=IssueStatus.OPEN.value, resolved_at=None, assignee=None, order_id=None, regressions=again)
    )


def write(connection: Connection, issue_id: str, **values: Any) -> None:
    """Set columns of an issue, as both databases keep them alike; statuses go by `set_status`."""
    connection.execute(ops_issues.update().where(ops_issues.c.id == issue_id).values(**storable(ops_issues, values)))


def unsettled_or_settled_since(connection: Connection, since: datetime, *, limit: int) -> list[OpsIssue]:
    """Return the issues that are not settled, or were settled since then, in the order of `listing`."""
    still = ops_issues.c.status.not_in([status.value for status in SETTLED_STATUSES])
    rows = connection.execute(
        select(*_COLUMNS)
        .where(or_(still, ops_issues.c.resolved_at >= since))
        .order_by(ops_issues.c.severity, ops_issues.c.last_seen.desc(), ops_issues.c.id)
        .limit(limit)
    )
    return [_issue(row) for row in rows]


def on_github(connection: Connection, repository: str) -> list[OpsIssue]:
    """Return the issues that have a number in this GitHub repository, oldest first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(ops_issues.c.gh_repo == repository, ops_issues.c.gh_issue_number.is_not(None))
        .order_by(ops_issues.c.id)
    )
    return [_issue(row) for row in rows]


def github_repositories(connection: Connection) -> list[str]:
    """Return the GitHub repositories that hold issues of ours."""
    rows = connection.execute(
        select(ops_issues.c.gh_repo)
        .where(ops_issues.c.gh_repo.is_not(None), ops_issues.c.gh_issue_number.is_not(None))
        .distinct()
        .order_by(ops_issues.c.gh_repo)
    )
    return [str(name) for name in rows.scalars()]


def locked(connection: Connection, issue_id: str) -> OpsIssue:
    """Return an issue and let nobody else change it until the transaction ends.

    Raises:
        UnknownIssue: there is none.
    """
    row = connection.execute(select(*_COLUMNS).where(ops_issues.c.id == issue_id).with_for_update()).one_or_none()
    if row is None:
        raise _unknown(issue_id)
    return _issue(row)


def _unknown(issue_id: str) -> UnknownIssue:
    return UnknownIssue(f"no ops issue has the id {issue_id}; `repo-agent ops issues` lists them")


def _issue(row: Any) -> OpsIssue:
    values = dict(row._mapping)
    values["status"] = IssueStatus(values["status"])
    values["details"] = IssueDetails.model_validate(values["details"] or {})
    return OpsIssue(**values)
