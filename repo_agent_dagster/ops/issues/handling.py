"""What people do with an ops issue: take it on, put it aside, resolve it, or have a task work on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.contracts.tasks import ErrorRecreationPayload, Pathway
from repo_agent_dagster.ops.issues import intents
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store import ops_issues, ops_summary, task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_issues import OpsIssue
from repo_agent_dagster.store.ops_summary import IssueSummary

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MAX_NOTE_CHARACTERS = 4_000
MAX_ASSIGNEE_CHARACTERS = 200
_MAX_DESCRIPTION = 100_000


class NothingToWorkOn(PermanentFault):
    """A task needs more than the issue tells, e.g. a repository."""


@dataclass(frozen=True, slots=True)
class IssueTask:
    """The task that works on an issue; `is_new` is false when it was there already, waiting or running."""

    task_id: str
    is_new: bool


def claim(engine: "Engine", issue_id: str, assignee: str, *, now: datetime) -> OpsIssue:
    """Take an issue on in somebody's name; on GitHub it is commented and, where it can be, assigned to them.

    Claiming what is one's own already changes nothing. Returns the issue as it is then.

    Raises:
        UnknownIssue: there is none.
        IssueStepRefused: another holds it, or it is settled.
    """
    name = assignee.strip().removeprefix("@")
    if not name or len(name) > MAX_ASSIGNEE_CHARACTERS:
        raise PermanentFault(f"an assignee's name has 1 to {MAX_ASSIGNEE_CHARACTERS} characters, not {len(name)}")
    with write_transaction(engine) as connection:
        is_changed = ops_issues.claim(connection, issue_id, name)
        issue = ops_issues.get(connection, issue_id)
        if is_changed:
            intents.note_claim(connection, issue, name, now=now)
        return issue


def triage(engine: "Engine", issue_id: str, *, now: datetime) -> OpsIssue:
    """Mark an issue as looked at: it is real, and waits for somebody.

    Raises:
        UnknownIssue, IssueStepRefused: there is none, or it is past that.
    """
    with write_transaction(engine) as connection:
        ops_issues.set_status(connection, issue_id, IssueStatus.TRIAGED, now=now)
        return ops_issues.get(connection, issue_id)


def resolve(
    engine: "Engine",
    issue_id: str,
    *,
    now: datetime,
    note: str = "",
    status: IssueStatus = IssueStatus.RESOLVED,
    order_id: str | None = None,
) -> OpsIssue:
    """Resolve an issue, or close it as nothing to be done (`status`); on GitHub it is commented and closed.

    `order_id` is the order that brought it about, whose delivery report then tells of it; by default the order of the
    latest task that works on the issue, if it has one. Seen on a later UTC day than `now`, the issue comes back as a
    regression.

    Raises:
        UnknownIssue, IssueStepRefused: there is none, or it is settled already.
    """
    said = redact(note.strip())[:MAX_NOTE_CHARACTERS]
    with write_transaction(engine) as connection:
        order = order_id or order_of_work(connection, issue_id)
        ops_issues.settle(connection, issue_id, status, said, now=now, order_id=order)
        issue = ops_issues.get(connection, issue_id)
        intents.note_settling(connection, issue, status, said, now=now)
        return issue


def summary(engine: "Engine", *, now: datetime) -> IssueSummary:
    """Count the issues by status, severity, kind and place, and tell how the last days went."""
    with read_transaction(engine) as connection:
        return ops_summary.summary(connection, today=now.date())


def work_on(
    engine: "Engine",
    issue_id: str,
    *,
    policy: IssuePolicy,
    server: str,
    now: datetime,
    pathway: Pathway = Pathway.ERROR_RECREATION,
    order_id: str | None = None,
) -> IssueTask:
    """Submit a task that works on the issue's prompt, and return it; one that waits or runs for it is returned instead.

    The task makes the error happen at the commit of the latest build that showed it, and keeps what makes it happen as
    a failing test, under `order_id` if one is given. `server` is where GitHub's repositories are
    (``https://github.com``). Goal runs, which would also repair it, are not built yet.

    Raises:
        UnknownIssue: there is none.
        NothingToWorkOn: no repository is known for it, or the pathway cannot start from an issue.
    """
    if pathway is not Pathway.ERROR_RECREATION:
        raise NothingToWorkOn(
            f"pathway {pathway} cannot start from an ops issue; {Pathway.ERROR_RECREATION} can, and goal runs are "
            "not built yet"
        )
    with write_transaction(engine) as connection:
        issue = ops_issues.locked(connection, issue_id)
        prefix = f"{_work_prefix(issue.id)}{pathway}:"
        earlier = task_requests.by_dedupe_prefix(connection, prefix)
        running = next((task for task in earlier if task.is_open), None)
        if running is not None:
            return IssueTask(running.id, is_new=False)
        task = task_requests.submit(
            connection,
            pathway,
            _recreation(issue, policy, server),
            now=now,
            initial_prompt=issue.prompt,
            order_id=order_id,
            dedupe_key=f"{prefix}{len(earlier) + 1}",
        )
        return IssueTask(task.id, is_new=True)


def _work_prefix(issue_id: str) -> str:
    """How the dedupe keys of an issue's tasks begin."""
    return f"ops-issue:{issue_id}:"


def order_of_work(connection: "Connection", issue_id: str) -> str | None:
    """Return the order of the latest task that works on the issue and has one."""
    tasks = task_requests.by_dedupe_prefix(connection, _work_prefix(issue_id))
    return next((task.order_id for task in reversed(tasks) if task.order_id), None)


def _recreation(issue: OpsIssue, policy: IssuePolicy, server: str) -> ErrorRecreationPayload:
    details = issue.details
    # A build's task goes to the build's own repository, wherever its issue is filed.
    repository = IssuePolicy(worker_repositories=policy.worker_repositories).repository_of(issue.worker, issue.repo)
    if repository is None:
        place = f"worker {issue.worker}" if issue.worker else issue.place or "it"
        raise NothingToWorkOn(
            f"no repository is known for {place} of ops issue {issue.id}; name it in "
            "REPO_AGENT_OPS_WORKER_REPOSITORIES as worker=owner/name"
        )
    run = next((run for run in details.runs if run.sha), None)
    commands = "\n".join(details.reproduce)
    parts = [f"# {issue.title}", issue.analysis, f"## To reproduce\n\n```bash\n{commands}\n```" if commands else ""]
    expected = f"{details.exception}: {details.headline}" if details.exception else details.headline
    return ErrorRecreationPayload(
        repo_url=f"{server.rstrip('/')}/{repository}",
        ref=(run.sha if run is not None else None) or "HEAD",
        bug_description="\n\n".join(filter(None, parts))[:_MAX_DESCRIPTION],
        expected_error=(details.headline if details.exception and details.exception in details.headline else expected)
        or None,
    )


def server_of(api_url: str) -> str:
    """Return where the pages and repositories are of the server with this API: ``https://github.com`` for GitHub's."""
    base = api_url.rstrip("/")
    if base.endswith("/api/v3"):
        return base.removesuffix("/api/v3")
    return base.replace("://api.", "://", 1)
