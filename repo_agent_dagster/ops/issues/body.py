"""What an issue on GitHub says: its title, its body, and the comments on it. The same body is in the Markdown files.

Texts of a rule or a model come safe from `wording`; what comes from logs stands in a fence or a code span. All is
redacted once more, since this is where it leaves the house, and fits GitHub's limits.
"""

from collections.abc import Sequence
from datetime import date

from repo_agent_dagster.contracts.issue_details import IssueRun
from repo_agent_dagster.pages import markdown_text
from repo_agent_dagster.pages.safety import cell_code, fenced, inline, inline_code, one_line
from repo_agent_dagster.pages.wording import plural
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store.ops_issues import OpsIssue

MAX_TITLE_CHARACTERS = 256
MAX_BODY_CHARACTERS = 60_000
"""GitHub takes 65,536; the rest is for the marker."""

_MAX_ANALYSIS, _MAX_PROMPT, _MAX_COMMANDS, _MAX_NOTE = 24_000, 16_000, 4_000, 4_000
_SHOWN_RUNS, _SHOWN_ANCHORS, _SHOWN_DAYS = 10, 10, 14


def title_of(issue: OpsIssue) -> str:
    """Return the issue's title on GitHub: ``[Ops] <place>: <what>``."""
    return one_line(redact(f"[Ops] {issue.title}"), MAX_TITLE_CHARACTERS)


def body_of(issue: OpsIssue, *, server: str) -> str:
    """Return the issue's body; links to builds are links only where they lead to `server` (``https://github.com``)."""
    sections = [
        _analysis(issue),
        _facts(issue),
        _reproduction(issue),
        _builds(issue.details.runs, issue.details.run_count, server),
        _prompt(issue),
        f"<sub>Found by an ops scan. `repo-agent ops show {issue.id}` tells more; "
        f"`repo-agent ops claim {issue.id}` takes it on.</sub>",
    ]
    body = ""
    for section in map(redact, filter(None, sections)):  # first, for what is redacted may get longer
        if len(body) + len(section) <= MAX_BODY_CHARACTERS:
            body += f"{section}\n\n"
    return body.rstrip() + "\n"


def seen_again(issue: OpsIssue, days: Sequence[tuple[date, int]], *, server: str) -> str:
    """Return the text of the one comment that is edited with the tally; `days` has the last days' counts."""
    total = plural(issue.occurrences, "occurrence")
    head = f"**Seen again**, last at {issue.last_seen:%Y-%m-%d %H:%M} UTC: {total} since {issue.first_seen:%Y-%m-%d}."
    rows = [[str(day), f"{count:,}"] for day, count in days[-_SHOWN_DAYS:]]
    parts = [
        head
        + f" Severity is now {issue.severity} of 5"
        + (f" ({issue.details.trend})." if issue.details.trend else "."),
        markdown_text.table(["day (UTC)", "occurrences"], rows, numbers=frozenset({1})) if rows else "",
        _builds(issue.details.runs, issue.details.run_count, server),
    ]
    return redact("\n\n".join(filter(None, parts)))


def reopened(issue: OpsIssue) -> str:
    """Return the comment on an issue that has come back."""
    return (
        f"Seen again at {issue.last_seen:%Y-%m-%d %H:%M} UTC after it was settled: a regression "
        f"(number {issue.regressions}). Severity is {issue.severity} of 5."
    )


def gone_quiet(issue: OpsIssue, missed: int, *, is_closed: bool) -> str:
    """Return the comment on an issue that was not seen for some scans."""
    text = f"Not seen in the last {plural(missed, 'scanned day')}; the last time was {issue.last_seen:%Y-%m-%d}."
    return f"{text} It is closed, and will be reopened when it is seen again." if is_closed else text


def claimed(assignee: str) -> str:
    """Return the comment that tells who has the issue."""
    return f"{inline(one_line(assignee, 200))} works on this."


def settled(status: str, note: str) -> str:
    """Return the comment that tells why the issue is over."""
    text = f"This is {status}."
    return redact(f"{text}\n\n{fenced(note[:_MAX_NOTE])}") if note else text


def duplicate_of(number: int) -> str:
    """Return the comment on an issue that was opened twice for one problem."""
    return f"This is the same problem as #{number}, where it goes on."


def _analysis(issue: OpsIssue) -> str:
    text = issue.analysis.strip()
    # A cut could leave a fence open; what is too long is therefore shown as it is written.
    return text if len(text) <= _MAX_ANALYSIS else fenced(text[:_MAX_ANALYSIS])


def _facts(issue: OpsIssue) -> str:
    details = issue.details
    commits = [f"{name} {inline_code(sha[:40])}" for name, sha in _commits(issue) if sha]
    facts = [
        (
            "severity",
            f"{issue.severity} of 5"
            + (f": {inline('; '.join(issue.severity_reasons))}" if issue.severity_reasons else ""),
        ),
        ("place", inline(issue.place)),
        ("likely cause", inline(issue.cause.replace("_", " ")) if issue.cause else ""),
        ("trend", inline(details.trend) + (", flaky: a later attempt passed" if details.flaky else "")),
        ("first seen", f"{issue.first_seen:%Y-%m-%d %H:%M} UTC"),
        (
            "occurrences",
            f"{issue.occurrences:,}" + (f" in {plural(details.run_count, 'build')}" if details.run_count else ""),
        ),
        ("commits", ", ".join(commits)),
        (
            "places in the source",
            ", ".join(cell_code(one_line(a, 200)) for a in details.anchors[:_SHOWN_ANCHORS]),
        ),
        ("failing command", cell_code(one_line(details.command, 500)) if details.command else ""),
        ("pattern", cell_code(one_line(issue.template, 500)) if issue.template else ""),
    ]
    return markdown_text.table(["", ""], [[name, value] for name, value in facts if value])


def _commits(issue: OpsIssue) -> tuple[tuple[str, str | None], ...]:
    return (("last good", issue.details.good_sha), ("first bad", issue.details.bad_sha))


def _reproduction(issue: OpsIssue) -> str:
    commands = "\n".join(issue.details.reproduce)[:_MAX_COMMANDS]
    return f"**To reproduce**\n\n{fenced(commands, 'bash')}" if commands else ""


def _builds(runs: Sequence[IssueRun], count: int, server: str) -> str:
    if not runs:
        return ""
    lines = [f"- {_build(run, server)}" for run in runs[:_SHOWN_RUNS]]
    more = max(count, len(runs)) - len(lines)
    if more > 0:
        lines.append(f"- and {more:,} more")
    return "**Builds**\n\n" + "\n".join(lines)


def _build(run: IssueRun, server: str) -> str:
    name = inline_code(one_line(run.run_id, 64))
    if run.url is not None and _leads_to(run.url, server):
        name = f"[{inline(one_line(run.run_id, 64))}]({run.url})"
    parts = [
        f"attempt {run.attempt}" if run.attempt else "",
        f"on {inline_code(one_line(run.branch, 200))}" if run.branch else "",
        f"at {inline_code(run.sha[:12])}" if run.sha else "",
    ]
    return " ".join(filter(None, [name, *parts]))


def _leads_to(url: str, server: str) -> bool:
    rest = url.removeprefix(f"{server.rstrip('/')}/")
    return rest != url and len(url) <= 500 and all(c.isascii() and (c.isalnum() or c in "/-_.?=&#%") for c in rest)


def _prompt(issue: OpsIssue) -> str:
    if not issue.prompt:
        return ""
    return (
        "<details><summary>A prompt for an agent</summary>\n\n" + fenced(issue.prompt[:_MAX_PROMPT]) + "\n\n</details>"
    )
