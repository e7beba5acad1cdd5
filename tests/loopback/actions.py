"""GitHub Actions on loopback: repositories, runs, jobs, and logs behind a redirect to a blob store elsewhere."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.loopback.github_faults import bad_credentials, not_found
from tests.loopback.server import Answer, Asked, Loopback, said, serving

TOKEN = "made-up-token-of-a-test"
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
Steps = Sequence[tuple[str, Sequence[str]]]


def stamp(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def log_text(lines: Sequence[str], start: datetime = NOON) -> bytes:
    """A step's log as Actions writes it: a byte order mark, and a time before each line."""
    told = (f"{start + timedelta(milliseconds=n):%Y-%m-%dT%H:%M:%S.%f}0Z {line}" for n, line in enumerate(lines))
    return b"\xef\xbb\xbf" + "\r\n".join([*told, ""]).encode()


def packed(members: dict[str, bytes]) -> bytes:
    """A zip of the members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@dataclass
class Job:
    """A job of an attempt; its steps' logs are what the archive and its own text are made of."""

    name: str
    steps: Steps = (("Set up job", ["Current runner version: '2.330.0'"]), ("Run tests", ["##[error]boom"]))
    conclusion: str | None = "failure"
    started_at: datetime = NOON
    attempt: int = 1
    id: int = 0

    @property
    def completed_at(self) -> datetime:
        return self.started_at + timedelta(minutes=len(self.steps))

    def step_start(self, number: int) -> datetime:
        return self.started_at + timedelta(minutes=number - 1)

    def told(self, run: "Run") -> dict[str, Any]:
        return {
            "id": self.id,
            "run_id": run.id,
            "run_attempt": self.attempt,
            "name": self.name,
            "status": "completed" if self.conclusion else "in_progress",
            "conclusion": self.conclusion,
            "html_url": f"https://github.test/{run.repository}/actions/runs/{run.id}/job/{self.id}",
            "started_at": stamp(self.started_at),
            "completed_at": stamp(self.completed_at) if self.conclusion else None,
            "workflow_name": run.workflow,
            "head_branch": run.branch,
            "steps": [
                {
                    "number": number,
                    "name": name,
                    "status": "completed",
                    "conclusion": "success",
                    "started_at": stamp(self.step_start(number)),
                    "completed_at": stamp(self.step_start(number + 1)),
                }
                for number, (name, _) in enumerate(self.steps, 1)
            ],
        }

    @property
    def text(self) -> bytes:
        return b"".join(log_text(lines, self.step_start(number)) for number, (_, lines) in enumerate(self.steps, 1))


@dataclass
class Run:
    repository: str
    id: int
    jobs: list[Job]
    branch: str = "main"
    event: str = "push"
    workflow: str = "CI"
    created_at: datetime = NOON
    status: str = "completed"
    head_repository: str | None = None
    archive: bytes | None = None

    def told(self, api: str) -> dict[str, Any]:
        url = f"{api}/repos/{self.repository}/actions/runs/{self.id}"
        head = self.repository if self.head_repository is None else self.head_repository
        return {
            "id": self.id,
            "name": self.workflow,
            "path": ".github/workflows/ci.yml",
            "head_branch": self.branch,
            "head_sha": "0123456789abcdef0123456789abcdef01234567",
            "event": self.event,
            "status": self.status,
            "conclusion": "failure" if self.status == "completed" else None,
            "run_attempt": max([job.attempt for job in self.jobs], default=1),
            "url": url,
            "jobs_url": f"{url}/jobs",
            "html_url": f"https://github.test/{self.repository}/actions/runs/{self.id}",
            "created_at": stamp(self.created_at),
            "updated_at": stamp(max([job.completed_at for job in self.jobs], default=self.created_at)),
            "head_repository": {"full_name": head} if head else None,
        }

    def zip(self, attempt: int) -> bytes:
        if self.archive is not None:
            return self.archive
        members: dict[str, bytes] = {}
        for place, job in enumerate(one for one in self.jobs if one.attempt == attempt):
            folder = job.name.replace("/", "").replace(":", "")[:90]
            members[f"{place}_{folder}.txt"] = job.text
            members[f"{folder}/system.txt"] = b"Requested labels: ubuntu-latest"
            for number, (name, lines) in enumerate(job.steps, 1):
                step = name.replace("/", "_")
                members[f"{folder}/{number}_{step}.txt"] = log_text(lines, job.step_start(number))
        return packed(members)


@dataclass
class ActionsServer:
    """`api` is GitHub, `blobs` the store that logs are redirected to; `prefix` is that of an Enterprise server."""

    api: Loopback
    blobs: Loopback
    prefix: str = ""
    repositories: dict[str, str] = field(default_factory=lambda: {"acme/shop": "main"})
    runs: list[Run] = field(default_factory=list)
    most_listed: int = 1000

    @property
    def url(self) -> str:
        return self.api.url + self.prefix

    def add(self, run: Run) -> Run:
        for number, job in enumerate(run.jobs, 1):
            job.id = job.id or run.id * 100 + number
        self.runs.append(run)
        return run

    def install(self) -> None:
        repository = rf"{self.prefix}/repos/([^/]+/[^/]+)"
        self.api.on("GET", repository, self._guarded(self._repository))
        self.api.on("GET", rf"{self.prefix}/orgs/([^/]+)/repos", self._guarded(self._organization))
        self.api.on("GET", rf"{repository}/actions/runs", self._guarded(self._runs))
        self.api.on("GET", rf"{repository}/actions/runs/(\d+)/jobs", self._guarded(self._jobs))
        self.api.on("GET", rf"{repository}/actions/runs/(\d+)/attempts/(\d+)/logs", self._guarded(self._archive))
        self.api.on("GET", rf"{repository}/actions/jobs/(\d+)/logs", self._guarded(self._text))
        self.blobs.on("GET", r"/archives/(\d+)/(\d+)", self._archive_blob)
        self.blobs.on("GET", r"/texts/(\d+)", self._text_blob)

    def _guarded(self, route: Any) -> Any:
        def guarded(asked: Asked, *groups: str) -> Answer:
            told = asked.headers.get("authorization", "").lower()
            return route(asked, *groups) if told in (f"token {TOKEN}", f"bearer {TOKEN}") else bad_credentials()

        return guarded

    def _told(self, name: str) -> dict[str, Any]:
        return {
            "full_name": name,
            "url": f"{self.url}/repos/{name}",
            "default_branch": self.repositories[name],
            "archived": False,
            "pushed_at": stamp(NOON),
        }

    def _repository(self, _asked: Asked, name: str) -> Answer:
        return said(self._told(name)) if name in self.repositories else not_found()

    def _organization(self, asked: Asked, organization: str) -> Answer:
        names = [name for name in self.repositories if name.startswith(f"{organization}/")]
        return self.api.paged(asked, [self._told(name) for name in names])

    def _runs(self, asked: Asked, name: str) -> Answer:
        start, _, end = asked.query["created"].partition("..")
        found = [
            run.told(self.url) for run in self.runs if run.repository == name and start <= stamp(run.created_at) <= end
        ]
        found.sort(key=lambda run: run["created_at"], reverse=True)
        answer = self.api.paged(asked, found[: self.most_listed], "workflow_runs")
        total = f'"total_count": {len(found)}'.encode()
        return Answer(
            200, answer.body.replace(f'"total_count": {len(found[: self.most_listed])}'.encode(), total), answer.headers
        )

    def _jobs(self, asked: Asked, _name: str, run_id: str) -> Answer:
        run = self._run(run_id)
        return self.api.paged(asked, [job.told(run) for job in run.jobs], "jobs")

    def _run(self, run_id: str) -> Run:
        return next(run for run in self.runs if run.id == int(run_id))

    def _archive(self, _asked: Asked, _name: str, run_id: str, attempt: str) -> Answer:
        return Answer(302, headers={"Location": f"{self.blobs.url}/archives/{run_id}/{attempt}?sig=made-up-signature"})

    def _text(self, _asked: Asked, _name: str, job_id: str) -> Answer:
        return Answer(302, headers={"Location": f"{self.blobs.url}/texts/{job_id}?sig=made-up-signature"})

    def _archive_blob(self, _asked: Asked, run_id: str, attempt: str) -> Answer:
        return Answer(200, self._run(run_id).zip(int(attempt)), {"Content-Type": "application/zip"})

    def _text_blob(self, _asked: Asked, job_id: str) -> Answer:
        job = next(job for run in self.runs for job in run.jobs if job.id == int(job_id))
        return Answer(200, job.text, {"Content-Type": "text/plain"})


@contextmanager
def serving_actions(prefix: str = "") -> Iterator[ActionsServer]:
    """Serve GitHub, and its blobs under another name of this machine."""
    with serving() as api, serving("localhost") as blobs:
        server = ActionsServer(api, blobs, prefix)
        server.install()
        yield server
