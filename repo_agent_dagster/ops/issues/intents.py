"""What a scan or a person did to issues becomes intents in the outbox, in the same transaction."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.store import ops_issues, ops_outbox, ops_tallies
from repo_agent_dagster.store.ops_issues import OpsIssue
from repo_agent_dagster.store.ops_outbox import NewIntent
from repo_agent_dagster.store.ops_sightings import Change, Recorded

if TYPE_CHECKING:
    from sqlalchemy import Connection

NEVER_AGAIN = frozenset({"deleted", "transferred"})
"""What was deleted or moved on GitHub stays so: nothing is opened in its place."""


def note_scan(
    connection: "Connection",
    recorded: Collection[Recorded],
    *,
    day: date,
    kinds: Collection[LogKind],
    policy: IssuePolicy,
    to_github: bool,
    now: datetime,
) -> int:
    """Note what GitHub is to be told of a scan of `day`, and count for how long the other issues were not seen.

    Call it in the scan's transaction, after the sightings were recorded and forgotten; once more after their words or
    severities were changed does no harm. Issues that were quiet for `policy.quiet_after` scanned days are told of, and
    closed if the policy says so, also without GitHub. Returns how many were closed.
    """
    ops_tallies.update_missed_scans(connection, day, kinds)
    closed = _note_quiet(connection, day, policy, to_github, now)
    if to_github:
        changes = {seen.issue_id: seen.change for seen in recorded}
        issues = ops_issues.get_many(connection, changes)
        intents = [
            intent
            for issue_id, issue in sorted(issues.items())
            for intent in _of_sighting(issue, changes[issue_id], day, policy)
        ]
        ops_outbox.note(connection, intents, now=now)
    return closed


def note_reopening(connection: "Connection", issue: OpsIssue, *, now: datetime) -> None:
    """Note that a settled issue has come back."""
    if is_on_github(issue):
        ops_outbox.note(connection, [_reopening(issue)], now=now)


def note_claim(connection: "Connection", issue: OpsIssue, assignee: str, *, now: datetime) -> None:
    """Note who took an issue on."""
    if is_on_github(issue):
        key = f"claim:{now:%Y%m%dT%H%M%S%f}"
        ops_outbox.note(connection, [NewIntent(issue.id, "claim", key, {"assignee": assignee})], now=now)


def note_settling(connection: "Connection", issue: OpsIssue, status: IssueStatus, note: str, *, now: datetime) -> None:
    """Note that an issue is resolved or closed, and what was said of it."""
    if is_on_github(issue):
        key = f"settle:{now:%Y%m%dT%H%M%S%f}"
        payload = {"status": status.value, "note": note}
        ops_outbox.note(connection, [NewIntent(issue.id, "settle", key, payload)], now=now)


def is_on_github(issue: OpsIssue) -> bool:
    """Whether there is an issue on GitHub that can still be told anything."""
    return issue.gh_issue_number is not None and issue.gh_state not in NEVER_AGAIN


def _of_sighting(issue: OpsIssue, change: Change, day: date, policy: IssuePolicy) -> Iterator[NewIntent]:
    if issue.gh_issue_number is None:
        repository = policy.repository_of(issue.worker, issue.repo)
        if repository and policy.wants(issue.severity) and not issue.is_settled and issue.gh_state not in NEVER_AGAIN:
            yield NewIntent(issue.id, "open", "open")
        return
    if not is_on_github(issue):
        return
    if change is Change.REOPENED:
        yield _reopening(issue)
    if change in (Change.UPDATED, Change.REOPENED):
        yield NewIntent(issue.id, "seen", f"seen:{day}:{issue.occurrences}")


def _reopening(issue: OpsIssue) -> NewIntent:
    return NewIntent(issue.id, "reopen", f"reopen:{issue.regressions}")


def _note_quiet(connection: "Connection", day: date, policy: IssuePolicy, to_github: bool, now: datetime) -> int:
    closed = 0
    intents: list[NewIntent] = []
    for issue_id in ops_tallies.quiet_issues(connection, policy.quiet_after):
        issue = ops_issues.locked(connection, issue_id)
        if issue.is_settled:
            continue  # by a person, just now
        # Somebody who works on it decides when it is over.
        is_closing = policy.close_when_quiet and issue.status is not IssueStatus.IN_PROGRESS
        if is_closing:
            # The day that was scanned is over: what is seen from the next one on is a regression.
            ops_issues.set_status(
                connection, issue_id, IssueStatus.CLOSED, now=datetime.combine(day, time(23, 59, 59), UTC)
            )
            closed += 1
        if to_github and is_on_github(issue):
            payload = {"missed": issue.missed_scans, "close": is_closing}
            intents.append(NewIntent(issue_id, "quiet", f"quiet:{issue.last_seen.date()}", payload))
    ops_outbox.note(connection, intents, now=now)
    return closed
