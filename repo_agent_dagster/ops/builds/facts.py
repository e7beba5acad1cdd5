"""Jobs known from their log lines alone: a line whose meta names a job and tells how it ended."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from repo_agent_dagster.contracts.builds import BuildJob

MOST_JOBS = 10_000
"""Jobs that one object can tell of; further ones stay loose lines."""

_KEY_CHARACTERS = 64
_WORD_CHARACTERS = 300

_Key = tuple[str, str, int, str, str]


class JobsInLines:
    """Collects the jobs that an object's lines tell of. Asked for each build line with a meta: it must cost little.

    A line tells of a job by ``run_id`` and, in its meta, ``job`` and ``conclusion``; there may be ``workflow``,
    ``attempt``, ``job_id``, ``branch``, ``sha``, ``event``, ``url``, and ``default_branch`` (true, or its name).
    """

    def __init__(self, source: str, object_name: str) -> None:
        self._source = source
        self._object_name = object_name
        self._first: dict[_Key, tuple[str, dict[str, Any]]] = {}
        self._last: dict[_Key, tuple[str, dict[str, Any]]] = {}

    def saw(self, repo: str, run_id: str | None, meta: dict[str, Any], ts: str) -> None:
        """Note a line that was read; `ts` is its time as ``YYYY-MM-DD HH:MM:SS.ffffff`` in UTC."""
        if "conclusion" not in meta or "job" not in meta or run_id is None:
            return
        job, workflow, attempt, job_id = meta["job"], meta.get("workflow"), meta.get("attempt"), meta.get("job_id")
        if type(job) is not str or not 0 < len(job) <= _WORD_CHARACTERS or type(meta["conclusion"]) is not str:
            return
        key = (
            repo,
            run_id,
            attempt if type(attempt) is int and 0 < attempt < 10_000 else 1,
            workflow if type(workflow) is str else "",
            str(job_id) if isinstance(job_id, str | int) else job,
        )
        if key in self._first:
            if ts < self._first[key][0]:
                self._first[key] = (ts, meta)
            if ts >= self._last[key][0]:
                self._last[key] = (ts, meta)
        elif len(self._first) < MOST_JOBS:
            self._first[key] = self._last[key] = (ts, meta)

    def jobs(self) -> list[BuildJob]:
        """Return the jobs, each with the time from its first line to its last, and what the last one told."""
        return [self._job(key, ts, *self._last[key]) for key, (ts, _) in self._first.items()]

    def _job(self, key: _Key, first: str, last: str, meta: dict[str, Any]) -> BuildJob:
        repo, run_id, attempt, workflow, job_id = key
        branch = _word(meta.get("branch"))
        return BuildJob(
            source=self._source,
            repo=repo,
            run_id=run_id,
            attempt=attempt,
            job_id=_fitting(job_id),
            workflow=workflow[:_WORD_CHARACTERS],
            job=meta["job"],
            branch=branch,
            is_default_branch=_on_default(meta.get("default_branch"), branch),
            sha=_word(meta.get("sha"), _KEY_CHARACTERS),
            event=_word(meta.get("event"), _KEY_CHARACTERS),
            conclusion=meta["conclusion"].strip().lower()[:32],
            url=_word(meta.get("url"), 2000),
            started_at=_instant(first),
            finished_at=_instant(last),
            object_name=self._object_name,
        )


def _fitting(job_id: str) -> str:
    """Return an id that fits its column: a long job name is told apart from others by its digest."""
    if len(job_id) <= _KEY_CHARACTERS:
        return job_id
    return job_id[:40] + "~" + hashlib.sha256(job_id.encode(errors="replace")).hexdigest()[:20]


def _word(value: Any, most: int = _WORD_CHARACTERS) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= most else None


def _on_default(told: Any, branch: str | None) -> bool | None:
    if isinstance(told, bool):
        return told
    return told == branch if isinstance(told, str) and told and branch else None


def _instant(ts: str) -> datetime:
    return datetime.fromisoformat(ts).replace(tzinfo=UTC)
