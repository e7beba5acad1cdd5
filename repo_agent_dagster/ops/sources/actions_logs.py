"""The logs of GitHub Actions: an attempt's archive, fetched when the first of its jobs is read, or a job's own text."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.github.records import WorkflowJob, WorkflowStep
from repo_agent_dagster.ops.sources.archive import MOST_LOG_BYTES, LogArchive, StepFile
from repo_agent_dagster.ops.sources.http import BodyTooLong, HttpClient, HttpRefused
from repo_agent_dagster.ops.sources.protocol import DamagedLogObject, LogExpired, SourceUnavailable
from repo_agent_dagster.ops.sources.step_log import RawLine, StepLines, raw_lines

MOST_ARCHIVE_BYTES = 1024 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_UPLOAD = timedelta(hours=1)
"""A log that is not there so soon after its job may still come."""

_SHORTEST_RETENTION = timedelta(days=1)
"""GitHub keeps logs for at least this long: one that is missing earlier was never there."""

# What the runner writes as the first line of a step, where a log is one text.
_STEP_BEGINNINGS = ("##[group]Run ", "Post job cleanup", "Cleaning up orphan processes", "##[group]GITHUB_TOKEN")


class _LogNotFound(LogExpired):
    """GitHub says 404, which may have reasons besides its age."""


class AttemptLogs:
    """The logs of one attempt of a run. The archive is fetched once, until `release`.

    It is unpacked from a temporary file; where it is missing, damaged, or does not tell whose a folder is, each job's
    own text is fetched instead.
    """

    def __init__(self, client: HttpClient, repository: str, run_id: int, attempt: int) -> None:
        self._client = client
        self._run_path = f"/repos/{repository}/actions/runs/{run_id}/attempts/{attempt}/logs"
        self._job_path = f"/repos/{repository}/actions/jobs/{{job_id}}/logs"
        self._folder: TemporaryDirectory[str] | None = None
        self._archive: LogArchive | None = None
        self._is_asked = False
        self._gone: LogExpired | None = None

    def release(self) -> None:
        """Remove what was fetched; reading again fetches it again."""
        if self._archive is not None:
            self._archive.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._archive, self._folder, self._is_asked = None, None, False

    def archive(self) -> LogArchive | None:
        """Return the attempt's archive; None: there is none that can be read.

        Raises:
            LogExpired: GitHub no longer has it.
            SourceRefused, SourceUnavailable: it was not given.
        """
        if self._gone is not None:
            raise self._gone
        if not self._is_asked:
            self._ask()
        return self._archive

    def _ask(self) -> None:
        path = self._scratch("archive.zip")
        try:
            self._client.download(self._run_path, path, most_bytes=MOST_ARCHIVE_BYTES)
            self._archive = LogArchive(path)
        except HttpRefused as refusal:
            if refusal.status == HTTPStatus.GONE:
                self._gone = LogExpired(str(refusal))
                raise self._gone from refusal
            if refusal.status != HTTPStatus.NOT_FOUND:  # an older server has no archives of attempts
                raise
        except (DamagedLogObject, BodyTooLong):
            pass  # the jobs' own texts are smaller, and of another make
        self._is_asked = True

    def text_of(self, job: WorkflowJob) -> Path:
        """Return a file with the job's log as one text; it is removed by `release`.

        Raises:
            LogExpired: GitHub no longer has it.
            SourceRefused, SourceUnavailable: it was not given.
        """
        path = self._scratch(f"{job.id}.txt")
        try:
            self._client.download(self._job_path.format(job_id=job.id), path, most_bytes=MOST_LOG_BYTES)
        except HttpRefused as refusal:
            if refusal.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                raise
            missing = (_LogNotFound if refusal.status == HTTPStatus.NOT_FOUND else LogExpired)(str(refusal))
            raise missing from refusal
        return path

    def _scratch(self, name: str) -> Path:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="repo-agent-logs-")
        return Path(self._folder.name, name)


@dataclass(frozen=True)
class JobLog:
    """The log of one job of one attempt."""

    name: str
    version: str
    job: BuildJob
    told: WorkflowJob
    attempt: AttemptLogs
    asked_at: datetime

    def chunks(self) -> Iterator[bytes]:
        """Yield the log's lines as JSON lines of a build; none of a job that ended without any log."""
        gathered: list[str] = []
        size = 0
        try:
            for line in self._lines_there_are():
                gathered.append(line)
                size += len(line)
                if size >= _CHUNK_BYTES:
                    yield _joined(gathered)
                    gathered, size = [], 0
        except DamagedLogObject:
            yield _joined(gathered)
            raise
        yield _joined(gathered)

    def _lines_there_are(self) -> Iterator[str]:
        try:
            yield from self._json_lines()
        except _LogNotFound as missing:
            age = self.asked_at - (self.told.completed_at or self.asked_at)
            if age < _UPLOAD:
                raise SourceUnavailable(f"{missing}; its job ended only now, so it may still come") from missing
            if age >= _SHORTEST_RETENTION:
                raise

    def _json_lines(self) -> Iterator[str]:
        job = self.job
        meta = {
            "workflow": job.workflow,
            "job": job.job,
            "job_id": job.job_id,
            "attempt": job.attempt,
            "branch": job.branch,
            "default_branch": job.is_default_branch,
            "sha": job.sha,
            "event": job.event,
            "conclusion": job.conclusion,
            "url": job.url,
        }
        lines = StepLines(job.repo, job.run_id, meta, job.started_at or datetime.fromtimestamp(0, UTC))
        archive = self.attempt.archive()
        if archive and (steps := archive.steps_of(job.job)):
            yield from self._of_steps(archive, steps, lines)
        elif archive and (text := archive.text_of(job.job)):
            ((_, pieces),) = archive.chunks(text)
            yield from self._of_one_text(pieces, lines)
        else:
            with self.attempt.text_of(self.told).open("rb") as file:
                yield from self._of_one_text(iter(lambda: file.read(_CHUNK_BYTES), b""), lines)

    def _of_steps(self, archive: LogArchive, steps: tuple[StepFile, ...], lines: StepLines) -> Iterator[str]:
        names = {step.number: step.name for step in self.told.steps}
        damage: DamagedLogObject | None = None
        for step, pieces in archive.chunks(steps):
            lines.in_step(step.number, names.get(step.number) or step.name)
            try:
                for line in raw_lines(pieces):
                    yield lines.json_line(line)
            except DamagedLogObject as error:
                damage = damage or error  # the other steps may be whole
        if damage is not None:
            raise damage

    def _of_one_text(self, pieces: Iterator[bytes], lines: StepLines) -> Iterator[str]:
        steps = _StepsByTime(self.told.steps)
        current: WorkflowStep | None = None
        for line in raw_lines(pieces):
            step = steps.at(line)
            if step is not current and step is not None:
                lines.in_step(step.number, step.name)
                current = step
            yield lines.json_line(line)


class _StepsByTime:
    """Tells the step of each line of a job's text. Steps' times are whole seconds, so a second may have two steps."""

    def __init__(self, steps: tuple[WorkflowStep, ...]) -> None:
        run = [step for step in steps if step.started_at is not None and step.conclusion != "skipped"]
        self._steps = sorted(run, key=lambda step: step.number)
        self._starts = [f"{step.started_at:%Y-%m-%dT%H:%M:%S}" for step in self._steps]
        self._current = 0

    def at(self, line: RawLine) -> WorkflowStep | None:
        """Return the line's step; lines come in order."""
        if not self._steps:
            return None
        if line.ts is not None:
            second = line.ts[:19]
            begun = bisect_right(self._starts, second) - 1
            if begun > self._current:
                if self._starts[begun] < second:
                    self._current = begun
                elif line.text.startswith(_STEP_BEGINNINGS):
                    self._current += 1
        return self._steps[self._current]


def _joined(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
