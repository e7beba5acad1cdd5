"""What people did to our issues on GitHub becomes what we know of them."""

from datetime import datetime
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.github.faults import IssueGone, IssueTransferred
from repo_agent_dagster.ops.issues.handling import order_of_work
from repo_agent_dagster.ops.issues.intents import NEVER_AGAIN, note_reopening
from repo_agent_dagster.ops.issues.survey import Survey
from repo_agent_dagster.store import ops_issues, ops_outbox
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_issues import OpsIssue
from repo_agent_dagster.store.ops_outbox import Action

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from repo_agent_dagster.github.issue_records import Issue
    from repo_agent_dagster.github.issues import GitHubIssues

MAX_LOOKED_FOR = 50
"""Issues that are not in the list (deleted, moved, or without our label) are asked for one by one, so many at most."""

_MOVES: tuple[Action, ...] = ("settle", "quiet", "reopen")


def follow_github(
    engine: "Engine", github: "GitHubIssues", survey: Survey, known_as: str, *, now: datetime
) -> tuple[int, int]:
    """Bring our issues of one repository in step with GitHub; return how many were settled and reopened by it.

    `known_as` is the repository's name in our rows. An issue that a person closed is resolved, or closed when it was
    closed as not planned; one that a person reopened is open. What is to be told of an issue goes first: its state on
    GitHub means nothing until then.
    """
    with read_transaction(engine) as connection:
        ours = ops_issues.on_github(connection, known_as)
        moving = ops_outbox.issues_waiting_for(connection, _MOVES)
    settled = reopened = looked_for = 0
    for issue in ours:
        number = issue.gh_issue_number
        if number is None or issue.gh_state in NEVER_AGAIN:
            continue
        found = survey.by_number.get(number)
        if found is None and not issue.is_settled and looked_for < MAX_LOOKED_FOR:
            looked_for += 1
            found = look_for(engine, github, survey, issue, now=now)
        if found is None or (issue.gh_state == "locked" and found.is_locked):
            continue
        if (found.state, None) == (issue.gh_state, issue.gh_problem) and survey.repository == known_as:
            continue
        with write_transaction(engine) as connection:
            known = ops_issues.locked(connection, issue.id)  # a person may have settled it meanwhile
            moved = None if issue.id in moving else follow(connection, known, found, now=now)
            ops_issues.write(
                connection,
                issue.id,
                gh_state=found.state,
                gh_problem=None,
                gh_repo=survey.repository,
                gh_issue_url=found.url,
                gh_synced_at=now,
            )
        settled += moved is IssueStatus.RESOLVED or moved is IssueStatus.CLOSED
        reopened += moved is IssueStatus.OPEN
    return settled, reopened


def look_for(
    engine: "Engine", github: "GitHubIssues", survey: Survey, issue: OpsIssue, *, now: datetime
) -> "Issue | None":
    """Ask for an issue that the list does not have; None, and recorded, if it was deleted or moved."""
    number = issue.gh_issue_number
    if number is None:
        return None
    try:
        found = github.get_issue(survey.repository, number)
    except IssueTransferred as fault:
        record_state(engine, issue.id, "transferred", str(fault), now=now)
        return None
    except IssueGone as fault:
        record_state(engine, issue.id, "deleted", str(fault), now=now)
        return None
    survey.by_number[number] = found
    return found


def record_state(engine: "Engine", issue_id: str, state: str, problem: str | None, *, now: datetime) -> None:
    """Keep what became of an issue on GitHub, and why."""
    with write_transaction(engine) as connection:
        ops_issues.write(connection, issue_id, gh_state=state, gh_problem=problem, gh_synced_at=now)


def follow(connection: "Connection", issue: OpsIssue, found: "Issue", *, now: datetime) -> IssueStatus | None:
    """Take a person's closing or reopening over, told by the state that we knew; return the new status, if any."""
    if found.state == "closed" and issue.gh_state != "closed" and not issue.is_settled:
        status = IssueStatus.RESOLVED if found.state_reason in (None, "completed") else IssueStatus.CLOSED
        closed_at = found.closed_at or now
        order = order_of_work(connection, issue.id)
        ops_issues.settle(connection, issue.id, status, "", now=closed_at, order_id=order)
        if issue.last_seen.date() > closed_at.date():
            # It was seen again before we came to know that it had been closed.
            ops_issues.reopen(connection, issue.id, is_regression=True)
            note_reopening(connection, ops_issues.get(connection, issue.id), now=now)
            return IssueStatus.OPEN
        return status
    if found.state == "open" and issue.gh_state == "closed" and issue.is_settled:
        ops_issues.reopen(connection, issue.id, is_regression=False)
        return IssueStatus.OPEN
    return None
