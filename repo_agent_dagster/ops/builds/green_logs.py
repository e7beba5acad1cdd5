"""The last passing log of each job, kept in the artifact store: what a failing log of the same job is compared with."""

import hashlib
import io
import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from repo_agent_dagster.artifacts import ArtifactError, ArtifactStore
from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.logs import LogLevel, LogRecord
from repo_agent_dagster.ops.analysis.model import Line, Log, Place
from repo_agent_dagster.ops.analysis.text import cut, plain
from repo_agent_dagster.ops.sources.protocol import Window
from repo_agent_dagster.store import build_jobs
from repo_agent_dagster.store.engine import read_transaction, write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

MOST_LINES = 200_000
"""Lines of a log that are kept or analysed: the first half and the last of a longer one."""

MOST_BYTES = 64 * 1024 * 1024
"""Unpacked bytes of a kept log that are read back."""

_PREFIX = "logs/green"
_WINDOW_BYTES = 8 * 1024 * 1024


def keep_green_logs(engine: "Engine", artifacts: ArtifactStore, window: Window) -> int:
    """Keep the log of the last job that passed in the window, for each repository, workflow and job; return how many.

    A build of the default branch is kept rather than one of another branch, and a later one rather than an earlier: a
    back-fill replaces nothing that is newer. Texts are as they were stored, so redacted.

    Raises:
        ArtifactError, ArtifactUnavailable: the artifact store does not take it.
    """
    with read_transaction(engine) as connection:
        best: dict[tuple[str, str, str], BuildJob] = {}
        for job in build_jobs.passed_jobs(connection, window.start, window.end):
            identity = (job.repo, job.workflow, job.job)
            if _is_better(job, best.get(identity)):
                best[identity] = job
        wanted = [
            job
            for job in best.values()
            if _is_better(job, build_jobs.green_holder(connection, job.repo, job.workflow, job.job))
        ]
    kept = 0
    for job in wanted:
        log = job_log(engine, job)
        if not log.lines:
            continue
        key = _key(job)
        # First the log, then the note: who is killed in between leaves a log that its next keeping replaces.
        artifacts.put(key, _packed(log))
        with write_transaction(engine) as connection:
            build_jobs.set_green_log(connection, job, key)
        kept += 1
    return kept


def green_log(engine: "Engine", artifacts: ArtifactStore, job: BuildJob) -> Log | None:
    """Return the kept log of the last time this job passed, or None where there is none that can be read.

    Raises:
        ArtifactUnavailable: the artifact store does not answer.
    """
    with read_transaction(engine) as connection:
        holder = build_jobs.green_holder(connection, job.repo, job.workflow, job.job)
        key = build_jobs.green_log_key(connection, job.repo, job.workflow, job.job)
    if holder is None or key is None:
        return None
    try:
        packed = artifacts.get(key)
    except ArtifactError:
        return None  # somebody cleared the store; the next build that passes is kept again
    lines = tuple(_unpacked(packed))
    return Log(_place(job), holder.source, lines, holder) if lines else None


def job_log(engine: "Engine", job: BuildJob) -> Log:
    """Return the stored log of a job, its lines numbered from 1; the middle of a very long one is left out."""
    with read_transaction(engine) as connection:
        return Log(_place(job), job.source, bounded(map(_line, build_jobs.lines_of(connection, job))), job)


def bounded(lines: Iterable[Line], most: int = MOST_LINES) -> tuple[Line, ...]:
    """Number the lines from 1 and return them, or the first and the last half of `most` where there are more."""
    head: list[Line] = []
    tail: deque[Line] = deque(maxlen=most - most // 2)
    for number, line in enumerate(lines, 1):
        numbered = replace(line, number=number)
        (head if len(head) < most // 2 else tail).append(numbered)
    return (*head, *tail)


def _is_better(job: BuildJob, held: BuildJob | None) -> bool:
    if held is None:
        return True
    if bool(job.is_default_branch) != bool(held.is_default_branch):
        return bool(job.is_default_branch)
    return (job.finished_at or _NEVER) > (held.finished_at or _NEVER)


_NEVER = datetime.min.replace(tzinfo=UTC)


def _place(job: BuildJob) -> Place:
    return Place("build", job.repo, job.workflow or None, job.job)


def _key(job: BuildJob) -> str:
    identity = json.dumps([job.repo, job.workflow, job.job]).encode()
    return f"{_PREFIX}/{hashlib.sha256(identity).hexdigest()}.jsonl.zst"


def _line(record: LogRecord) -> Line:
    meta = record.meta or {}
    step, mark = meta.get("step"), meta.get("mark")
    text = record.message
    if isinstance(mark, str):
        place = f"{meta['at']}: " if isinstance(meta.get("at"), str) else ""
        text = f"##[{mark}]{place}{text}"
    return Line(0, cut(plain(text)), record.level, record.ts, step if isinstance(step, str) else None)


def _packed(log: Log) -> bytes:
    """Pack lines as ``[number, text, level, step]``, one JSON array each."""
    import zstandard

    packed = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(packed, closefd=False) as writer:
        for line in log.lines:
            array = [line.number, line.text, line.level, line.step]
            writer.write(json.dumps(array, ensure_ascii=False).encode(errors="replace") + b"\n")
    return packed.getvalue()


def _unpacked(packed: bytes) -> Iterator[Line]:
    """Yield the lines; a file that is cut short or not ours ends where it ends."""
    import zstandard

    with zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).stream_reader(packed) as reader:
        try:
            content = reader.read(MOST_BYTES)
        except zstandard.ZstdError:
            return
    for text in content.splitlines():
        try:
            number, line, level, step = json.loads(text)
            yield Line(number, line, None if level is None else LogLevel(level), None, step)
        except (ValueError, TypeError):
            return
