"""GitHub Actions of a loopback server as a source, and what is read from it."""

import json
import time
from datetime import date, timedelta
from typing import Any

from pydantic import SecretStr

from repo_agent_dagster.github.actions import GitHubActions
from repo_agent_dagster.ops.sources.actions import ActionsSource
from repo_agent_dagster.ops.sources.actions_logs import JobLog
from repo_agent_dagster.ops.sources.http import HttpClient, HttpManners
from repo_agent_dagster.ops.sources.protocol import Window
from tests.loopback.actions import TOKEN, ActionsServer

WINDOW = Window.of_day(date(2026, 3, 3))
QUICK = HttpManners(
    read_seconds=1, body_seconds=2, attempts=3, first_delay_seconds=0.01, longest_wait=timedelta(seconds=100)
)


def source_of(server: ActionsServer, *repositories: str, **options: Any) -> ActionsSource:
    return ActionsSource(
        name="gh",
        connect=lambda: GitHubActions(
            TOKEN,
            base_url=server.url,
            attempts=3,
            first_delay_seconds=0.01,
            longest_wait=timedelta(seconds=100),
            is_paced=False,
        ),
        download=lambda: HttpClient(
            server.url, SecretStr(TOKEN), QUICK, may_leave=True, pause=lambda seconds: time.sleep(seconds)
        ),
        repositories=repositories or (() if "organization" in options else ("acme/shop",)),
        **options,
    )


def read(source: ActionsSource, window: Window = WINDOW) -> dict[str, list[dict[str, Any]]]:
    return {log.name: lines_of(log) for log in source.fetch(window)}


def lines_of(log: JobLog) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(log.chunks()).splitlines()]


def messages(source: ActionsSource) -> list[str]:
    return [line["message"] for lines in read(source).values() for line in lines]
