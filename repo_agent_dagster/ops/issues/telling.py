"""Tell GitHub of one issue: open it, edit its tally, comment, close, reopen; and record each step after it is done.

Killed between a step on GitHub and its record, the next publisher finds what was done (by a marker in the text, or
because the step says the same a second time) and records it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol

from repo_agent_dagster.github.faults import GitHubRefused, IssueGone, IssueLocked, IssuesDisabled
from repo_agent_dagster.ops.issues import body
from repo_agent_dagster.ops.issues.intents import NEVER_AGAIN
from repo_agent_dagster.ops.issues.marker import Marker, read_marker
from repo_agent_dagster.ops.issues.policy import OUR_LABEL, IssuePolicy, labels_of
from repo_agent_dagster.ops.issues.survey import Survey
from repo_agent_dagster.ops.issues.syncing import follow, look_for, record_state
from repo_agent_dagster.store import ops_fingerprints, ops_issues, ops_outbox, ops_tallies
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_issues import OpsIssue
from repo_agent_dagster.store.ops_outbox import Intent

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.github.issue_records import Issue, IssueState, StateReason
    from repo_agent_dagster.github.issues import GitHubIssues

SETTLING_TIME = timedelta(minutes=2)
"""After a request that may have been carried out without our knowing, nothing is tried again before this has passed.

Lists that GitHub answers with may be some seconds old; what was opened must be in them before it is looked for.
"""

_TALLY = "tally"
_TALLIED_DAYS = timedelta(days=14)


class RepositoryClosed(Exception):
    """The repository takes no issues now."""


class Told(Protocol):
    """What is counted of what was told, and sentences on what went wrong."""

    opened: int
    adopted: int
    updated: int
    reopened: int
    commented: int
    closed: int
    held: int
    refused: int
    problems: list[str]


class Teller:
    """Tells of issues, one after the other, as the one publisher."""

    def __init__(
        self,
        engine: "Engine",
        github: "GitHubIssues",
        policy: IssuePolicy,
        key: bytes,
        account: str,
        server: str,
        now: datetime,
        check: Callable[[], None],
        done: Told,
    ) -> None:
        self._engine = engine
        self._github = github
        self._policy = policy
        self._key = key
        self._account = account
        self._server = server
        self._now = now
        self._check = check
        self._done = done

    def tell(self, survey: Survey, issue: OpsIssue, waiting: list[Intent]) -> None:
        """Tell all that waits of one issue.

        Raises:
            RepositoryClosed: its repository takes no issues; it is recorded, and all waits.
            GitHubRefused, GitHubUnavailable: the rest could not be told.
        """
        if not survey.takes_issues:
            problem = f"{survey.repository} takes no issues: they are switched off, or it is archived"
            record_state(self._engine, issue.id, "disabled", problem, now=self._now)
            raise RepositoryClosed(problem)
        if issue.gh_issue_number is not None:
            there = self._is_there(survey, issue)
            if there is not None:
                self._refuse(waiting, there)
                return
        try:
            for intent in waiting:
                with read_transaction(self._engine) as connection:
                    issue = ops_issues.get(connection, issue.id)
                self._tell_one(survey, issue, intent, is_last_seen=_is_last_seen(intent, waiting))
        except IssuesDisabled as fault:
            record_state(self._engine, issue.id, "disabled", str(fault), now=self._now)
            raise RepositoryClosed(str(fault)) from fault
        except IssueLocked as fault:
            record_state(self._engine, issue.id, "locked", str(fault), now=self._now)
            self._refuse(waiting, str(fault))
        except IssueGone as fault:
            record_state(self._engine, issue.id, "deleted", str(fault), now=self._now)
            self._refuse(waiting, str(fault))

    def _is_there(self, survey: Survey, issue: OpsIssue) -> str | None:
        """Return why an issue cannot be told anything any more; None when it can."""
        number = issue.gh_issue_number
        state, problem = issue.gh_state, issue.gh_problem
        if state not in NEVER_AGAIN and number is not None and number not in survey.by_number:
            look_for(self._engine, self._github, survey, issue, now=self._now)
            with read_transaction(self._engine) as connection:
                state, problem = (found := ops_issues.get(connection, issue.id)).gh_state, found.gh_problem
        if state in NEVER_AGAIN or state == "locked":
            return problem or f"its issue on GitHub is {state}"
        return None

    def _tell_one(self, survey: Survey, issue: OpsIssue, intent: Intent, *, is_last_seen: bool) -> None:
        number = issue.gh_issue_number
        if intent.action == "open":
            self._open(survey, issue, intent)
            return
        if number is None:
            self._refuse([intent], "it has no issue on GitHub")
            return
        if intent.action == "seen":
            if is_last_seen:
                self._tally(survey, issue, number, intent)
        elif intent.action == "reopen":
            self._set_state(survey, issue, number, "open", "reopened")
            self._say_once(survey, issue, number, intent, body.reopened(issue))
            self._done.reopened += 1
        elif intent.action == "quiet":
            is_closed = bool(intent.payload.get("close"))
            missed = int(intent.payload.get("missed", 0))
            self._say_once(survey, issue, number, intent, body.gone_quiet(issue, missed, is_closed=is_closed))
            if is_closed:
                self._set_state(survey, issue, number, "closed", "completed")
        elif intent.action == "claim":
            self._assign(survey, issue, number, intent)
        else:
            status, note = str(intent.payload.get("status", "")), str(intent.payload.get("note", ""))
            self._say_once(survey, issue, number, intent, body.settled(status, note))
            reason: StateReason = "completed" if status == "resolved" else "not_planned"
            self._set_state(survey, issue, number, "closed", reason)
        self._finish(intent)

    def adopt_if_there(self, survey: Survey, issue: OpsIssue, intent: Intent) -> None:
        """Take over what was opened for an issue by who could not record it, if it is there."""
        there = self._there(survey, issue)
        if there and issue.gh_issue_number is None:
            self._adopt(survey, issue, intent, there)

    def _there(self, survey: Survey, issue: OpsIssue) -> list["Issue"]:
        with read_transaction(self._engine) as connection:
            names = ops_fingerprints.fingerprints_of(connection, issue.id)
        return survey.ours(issue.id, [issue.fingerprint, *names])

    def _open(self, survey: Survey, issue: OpsIssue, intent: Intent) -> None:
        with read_transaction(self._engine) as connection:
            today = datetime.combine(self._now.astimezone(UTC).date(), time(), UTC)
            opened_today = ops_outbox.done_since(connection, "open", today)
        there = self._there(survey, issue)
        if issue.gh_issue_number is not None:
            self._finish(intent)
        elif there:
            self._adopt(survey, issue, intent, there)
        elif issue.is_settled:
            self._refuse([intent], f"it was {issue.status.value} before it was opened there")
        elif not self._policy.wants(issue.severity):
            self._refuse([intent], f"its severity is {issue.severity}, below the threshold {self._policy.threshold}")
        elif opened_today >= self._policy.opened_per_day:
            self._done.held += 1
        else:
            # Labels are computed: a model's move of the severity does not reach them.
            labels = labels_of(issue.kind, issue.details.rules_severity or issue.severity)
            survey.ensure_labels(self._github, labels)
            marker = Marker(issue.fingerprint, issue.id).written(self._key)
            text = f"{body.body_of(issue, server=self._server)}\n{marker}\n"
            self._begin(intent)
            found = self._github.create_issue(survey.repository, body.title_of(issue), text, labels)
            survey.take_in(found)
            self._record(survey, issue, intent, found)
            self._done.opened += 1
            if OUR_LABEL not in found.labels:
                self._done.problems.append(
                    f"{survey.repository} took an issue without its labels, by which it is found again: give the "
                    "token's account the role Triage or Write there"
                )

    def _adopt(self, survey: Survey, issue: OpsIssue, intent: Intent, there: list["Issue"]) -> None:
        """Take over what was opened before; of two for one problem the first stays."""
        for other in there[1:]:
            if other.state == "open":
                self._github.comment(survey.repository, other.number, body.duplicate_of(there[0].number))
                self._github.update_state(survey.repository, other.number, "closed", "not_planned")
        self._record(survey, issue, intent, there[0])
        self._done.adopted += 1

    def _record(self, survey: Survey, issue: OpsIssue, intent: Intent, found: "Issue") -> None:
        with write_transaction(self._engine) as connection:
            known = ops_issues.locked(connection, issue.id)
            ops_issues.write(
                connection,
                issue.id,
                gh_repo=survey.repository,
                gh_issue_number=found.number,
                gh_issue_url=found.url,
                gh_state=found.state,
                gh_problem=None,
                gh_synced_at=self._now,
            )
            follow(connection, known, found, now=self._now)
            ops_outbox.finish(connection, intent.id, now=self._now)

    def _tally(self, survey: Survey, issue: OpsIssue, number: int, intent: Intent) -> None:
        with read_transaction(self._engine) as connection:
            since = issue.last_seen.date() - _TALLIED_DAYS
            days = ops_tallies.daily_counts(connection, issue.id, since=since)
        marker = Marker(issue.fingerprint, issue.id, _TALLY)
        text = f"{body.seen_again(issue, days, server=self._server)}\n\n{marker.written(self._key)}\n"
        comment_id = issue.gh_comment_id or self._comment_with(survey, number, marker)
        if comment_id is not None:
            try:
                self._github.edit_comment(survey.repository, number, comment_id, text)
            except IssueGone:  # the issue is there, so somebody deleted the comment
                comment_id = None
        if comment_id is None:
            self._begin(intent)
            comment_id = self._github.comment(survey.repository, number, text).id
        if comment_id != issue.gh_comment_id:
            with write_transaction(self._engine) as connection:
                ops_issues.write(connection, issue.id, gh_comment_id=comment_id)
        self._done.updated += 1

    def _say_once(self, survey: Survey, issue: OpsIssue, number: int, intent: Intent, text: str) -> None:
        marker = Marker(issue.fingerprint, issue.id, intent.step_key)
        if intent.attempts and self._comment_with(survey, number, marker) is not None:
            return
        self._begin(intent)
        self._github.comment(survey.repository, number, f"{text}\n\n{marker.written(self._key)}\n")
        self._done.commented += 1

    def _comment_with(self, survey: Survey, number: int, marker: Marker) -> int | None:
        for comment in self._github.comments(survey.repository, number):
            if comment.author.lower() == self._account.lower():
                found = read_marker(comment.body, self._key)
                if found is not None and (found.issue_id, found.step) == (marker.issue_id, marker.step):
                    return comment.id
        return None

    def _assign(self, survey: Survey, issue: OpsIssue, number: int, intent: Intent) -> None:
        assignee = str(intent.payload.get("assignee", ""))
        self._say_once(survey, issue, number, intent, body.claimed(assignee))
        try:
            self._github.assign(survey.repository, number, assignee)
        except GitHubRefused as refused:
            if refused.status != 422:  # nobody of this name: the comment says who it is
                raise

    def _set_state(
        self, survey: Survey, issue: OpsIssue, number: int, state: "IssueState", reason: "StateReason"
    ) -> None:
        found = survey.by_number.get(number)
        if found is None or found.state != state:
            self._github.update_state(survey.repository, number, state, reason)
            if found is not None:
                survey.take_in(replace(found, state=state))
            self._done.closed += state == "closed"
        record_state(self._engine, issue.id, state, None, now=self._now)

    def _begin(self, intent: Intent) -> None:
        """Count the attempt, and hold the next one back until what GitHub lists must show what this one did."""
        self._check()
        with write_transaction(self._engine) as connection:
            ops_outbox.begin(connection, intent.id, next_attempt_at=self._now + SETTLING_TIME)

    def _finish(self, intent: Intent) -> None:
        with write_transaction(self._engine) as connection:
            ops_outbox.finish(connection, intent.id, now=self._now)

    def _refuse(self, waiting: list[Intent], why: str) -> None:
        with write_transaction(self._engine) as connection:
            refused = [ops_outbox.refuse(connection, intent.id, why, now=self._now) for intent in waiting]
        self._done.refused += sum(refused)


def _is_last_seen(intent: Intent, waiting: list[Intent]) -> bool:
    """Whether no later intent would write the same tally."""
    return all(other.action != "seen" or other.id <= intent.id for other in waiting)
