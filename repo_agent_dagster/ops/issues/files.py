"""Ops issues as Markdown files: what is on GitHub, for who has no GitHub; one file for each, and an index."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.ops.issues import body
from repo_agent_dagster.pages import markdown_text
from repo_agent_dagster.pages.safety import inline, one_line
from repo_agent_dagster.pages.writing import write_whole
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store import ops_issues
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.ops_issues import OpsIssue

if TYPE_CHECKING:
    from sqlalchemy import Engine

INDEX = "index.md"
KEPT_AFTER_SETTLING = timedelta(days=30)
MAX_FILES = 2_000

_OURS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-[a-z0-9-]{1,60}\.md")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class FilesWritten:
    """What became of the folder: files that are new or changed, those that stayed, those that were removed."""

    written: int
    unchanged: int
    removed: int
    index: Path


def write_files(engine: "Engine", folder: Path, *, server: str, now: datetime) -> FilesWritten:
    """Write the issues as ``<id>-<slug>.md`` and `INDEX` into the folder, each whole or not at all.

    The gravest `MAX_FILES` issues that are not settled, or were settled in the last 30 days, have a file; files of
    others are removed. A file that would not change is left alone. `server` is where GitHub's pages are.
    """
    with read_transaction(engine) as connection:
        issues = ops_issues.unsettled_or_settled_since(connection, now - KEPT_AFTER_SETTLING, limit=MAX_FILES)
    folder.mkdir(parents=True, exist_ok=True)
    files = {file_name(issue): _page(issue, server) for issue in issues}
    written = sum(_write(folder / name, text) for name, text in files.items())
    gone = [path for path in folder.iterdir() if _OURS.fullmatch(path.name) and path.name not in files]
    for path in gone:
        path.unlink(missing_ok=True)
    _write(folder / INDEX, _index(issues))
    return FilesWritten(written, len(files) - written, len(gone), folder / INDEX)


def file_name(issue: OpsIssue) -> str:
    """Return the name of an issue's file; it stays when the title does."""
    slug = _NOT_SLUG.sub("-", redact(issue.title).lower())[:_SLUG_CHARACTERS].strip("-")
    return f"{issue.id}-{slug or 'issue'}.md"


def _page(issue: OpsIssue, server: str) -> str:
    facts = [f"status: {issue.status.value}", f"severity: {issue.severity} of 5"]
    if issue.assignee:
        facts.append(f"assignee: {inline(one_line(issue.assignee, 200))}")
    if issue.details.resolution:
        facts.append(f"resolution: {inline(one_line(issue.details.resolution, 500))}")
    if issue.gh_issue_url:
        facts.append(f"on GitHub: {inline(issue.gh_issue_url)}")
    return f"# {inline(body.title_of(issue))}\n\n{' · '.join(facts)}\n\n{body.body_of(issue, server=server)}"


def _index(issues: list[OpsIssue]) -> str:
    rows = [
        [
            str(issue.severity),
            issue.status.value.replace("_", " "),
            f"{issue.occurrences:,}",
            f"{issue.last_seen:%Y-%m-%d}",
            f"[{inline(one_line(redact(issue.title), 200))}]({file_name(issue)})",
        ]
        for issue in issues
    ]
    table = markdown_text.table(["severity", "status", "seen", "last", "problem"], rows, numbers=frozenset({0, 2}))
    return f"# Ops issues\n\n{table if rows else 'There are none.'}\n"


def _write(path: Path, text: str) -> bool:
    if path.exists() and path.read_text(encoding="utf-8", errors="replace") == text:
        return False
    write_whole(path, text)
    return True
