"""Look whether a target could take a report, without sending it one."""

import os
from pathlib import Path

from repo_agent_dagster.artifacts import ArtifactError, ArtifactUnavailable
from repo_agent_dagster.github.faults import GitHubRefused, GitHubUnavailable
from repo_agent_dagster.reports.publishing.means import Means
from repo_agent_dagster.reports.publishing.targets import split_number
from repo_agent_dagster.store.report_targets import ReportTarget


def trouble_with(target: ReportTarget, means: Means) -> str | None:
    """Return what would keep reports from getting there, in a sentence; None: nothing that can be told beforehand.

    Nothing is written: of a store that may be read but not written, and of a webhook, only a report itself can tell.
    """
    try:
        if target.kind == "file":
            return _folder(Path(target.address))
        if target.kind == "artifact":
            means.artifacts().listing(target.address)
            return None
        if target.kind == "github":
            return _github(target.address, means)
    except (ArtifactError, ArtifactUnavailable, GitHubRefused, GitHubUnavailable) as fault:
        return str(fault)
    if target.secret_env is not None and not means.secrets.get(target.secret_env):
        return f"the secret to sign with is missing: {target.secret_env} is not set here"
    return None


def _folder(folder: Path) -> str | None:
    there = next(part for part in (folder, *folder.parents) if part.exists())
    if not there.is_dir():
        return f"{there} is no folder; remove it, or name another"
    return None if os.access(there, os.W_OK | os.X_OK) else f"{there} may not be written by this account"


def _github(address: str, means: Means) -> str | None:
    if means.github is None:
        return "there is no token: set REPO_AGENT_GITHUB_TOKEN"
    github = means.github()
    try:
        github.account()
        repository, number = split_number(address)
        tracker = github.tracker(repository)
        if number is None:
            return None if tracker.takes_issues else f"{repository} takes no issues: switched off, or it is archived"
        return f"{address} is locked" if github.get_issue(tracker.repository, number).is_locked else None
    finally:
        github.close()
