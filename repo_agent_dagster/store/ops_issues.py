"""Ops issues: one row for each fingerprint, and the guarded steps of its life. What scans write: `ops_sightings`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.ops import ALLOWED_FROM, SETTLED_STATUSES, IssueStatus
from repo_agent_dagster.store.tables import ops_issues


class UnknownIssue(PermanentFault):
    """No ops issue has this id."""


class IssueStepRefused(PermanentFault):
    """The issue's status does not allow the step, e.g. because somebody else took it meanwhile."""


@dataclass(frozen=True, slots=True)
class OpsIssue:
    """One ops issue. `severity` is 1 (highest) to 5; `occurrences` counts the lines of all scanned days."""

    id: str
    kind: str
    severity: int
    severity_reasons: list[str]
    status: IssueStatus
    title: str
    worker: str | None
    repo: str | None
    run_id: str | None
    prompt: str
    analysis: str
    sample: list[dict[str, Any]] | None
    gh_issue_number: int | None
    gh_issue_url: str | None
    fingerprint: str
    occurrences: int
    regressions: int
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    created_at: datetime

    @property
    def place(self) -> str:
        """The worker or the repository."""
        return self.worker or self.repo or ""


@dataclass(frozen=True, slots=True)
class IssueSummary:
    """Counts of issues, by status, by severity among those not settled, and the latter's mean severity."""

    total: int
    unsettled: int
    by_status: dict[str, int]
    by_severity: dict[int, int]
    mean_severity: float | None


_COLUMNS = [ops_issues.c[name] for name in OpsIssue.__dataclass_fields__]


def get(connection: Connection, issue_id: str) -> OpsIssue:
    """Return an issue by its id.

    Raises:
        UnknownIssue: there is none.
    """
    row = connection.execute(select(*_COLUMNS).where(ops_issues.c.id == issue_id)).one_or_none()
    if row is None:
        raise UnknownIssue(f"no ops issue has the id {issue_id}; `repo-agent ops issues` lists them")
    return _issue(row)


def listing(
    connection: Connection,
    *,
    status: IssueStatus | str | None = None,
    severity_at_most: int | None = None,
    limit: int = 200,
) -> Sequence[OpsIssue]:
    """Return the issues, the gravest and most recently seen first; `severity_at_most=2` means 1 and 2."""
    conditions = []
    if status is not None:
        conditions.append(ops_issues.c.status == IssueStatus(status).value)
    if severity_at_most is not None:
        conditions.append(ops_issues.c.severity <= severity_at_most)
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


def summary(connection: Connection) -> IssueSummary:
    """Count the issues by status and, among those not settled, by severity."""
    by_status: dict[str, int] = {status.value: 0 for status in IssueStatus}
    by_severity = dict.fromkeys(range(1, 6), 0)
    rows = connection.execute(
        select(ops_issues.c.status, ops_issues.c.severity, func.count()).group_by(
            ops_issues.c.status, ops_issues.c.severity
        )
    )
    for status, severity, count in rows:
        by_status[status] += count
        if IssueStatus(status) not in SETTLED_STATUSES:
            by_severity[severity] += count
    unsettled = sum(by_severity.values())
    weighted = sum(severity * count for severity, count in by_severity.items())
    return IssueSummary(
        total=sum(by_status.values()),
        unsettled=unsettled,
        by_status=by_status,
        by_severity=by_severity,
        mean_severity=weighted / unsettled if unsettled else None,
    )


def _issue(row: Any) -> OpsIssue:
    values = dict(row._mapping)
    values["status"] = IssueStatus(values["status"])
    return OpsIssue(**values)
