"""Analyses of repositories: one result for each repository, commit and version of the analyzer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import fetch_all, fetch_one, put
from repo_agent_dagster.store.tables import repository_analysis

_row = repository_analysis.c


@dataclass(frozen=True)
class RepositoryAnalysis:
    """What one version of the analyzer found in one commit."""

    id: str
    repo: str
    commit: str
    analyzer_version: str
    result: dict[str, Any]
    created_at: datetime


def put_analysis(
    conn: Connection, repo: str, commit: str, analyzer_version: str, result: dict[str, Any], *, now: datetime
) -> bool:
    """Store the result, or replace the one of this repository, commit and analyzer; return whether it was written."""
    values = {
        "id": new_id(),
        "repo": repo,
        "commit": commit,
        "analyzer_version": analyzer_version,
        "result": result,
        "created_at": now,
    }
    return put(conn, repository_analysis, values, key=["repo", "commit", "analyzer_version"])


def get(conn: Connection, repo: str, commit: str, analyzer_version: str) -> RepositoryAnalysis | None:
    """Return the stored result, or None when this analyzer has not seen this commit."""
    return fetch_one(
        conn,
        repository_analysis,
        RepositoryAnalysis,
        _row.repo == repo,
        _row.commit == commit,
        _row.analyzer_version == analyzer_version,
    )


def listing(conn: Connection, repo: str, *, limit: int = 50) -> list[RepositoryAnalysis]:
    """Return at most `limit` results of the repository, newest first."""
    newest_first = [_row.created_at.desc(), _row.id.desc()]
    return fetch_all(
        conn, repository_analysis, RepositoryAnalysis, _row.repo == repo, order_by=newest_first, limit=limit
    )
