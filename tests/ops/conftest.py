"""What the ops tests share: a folder of logs that can be written to, ingested, and read back from the tables."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.ingestion.ingest import ingest_day
from repo_agent_dagster.ops.ingestion.result import IngestionResult
from repo_agent_dagster.ops.sources.directory import DirectorySource
from repo_agent_dagster.ops.sources.protocol import LogSource
from repo_agent_dagster.store.tables import build_logs, worker_logs

DAY = date(2026, 3, 3)
NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
INGESTED_AT = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)


def line(message: str, time: str = "12:00:00", day: date = DAY, level: str = "error", **fields: Any) -> str:
    """A worker's line."""
    return json.dumps({"ts": f"{day}T{time}Z", "worker": "shop", "level": level, "message": message, **fields})


def build_line(message: str, time: str = "12:00:00", day: date = DAY, level: str = "error", **fields: Any) -> str:
    """A build's line."""
    base = {"ts": f"{day}T{time}Z", "repo": "org/web", "run_id": 7, "level": level, "message": message}
    return json.dumps({**base, **fields})


@dataclass
class LogFolder:
    """A folder of logs of one kind, and the store it is ingested into."""

    engine: Engine
    folder: Path
    kind: LogKind = "worker"

    @property
    def quarantine(self) -> Path:
        return self.folder.parent / "quarantine"

    @property
    def source(self) -> DirectorySource:
        return DirectorySource(self.folder, self.kind, f"test-{self.kind}")

    def write(self, name: str, lines: Sequence[str | bytes]) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join((x if isinstance(x, bytes) else x.encode()) + b"\n" for x in lines))
        return path

    def ingest(
        self, day: date = DAY, *, source: LogSource | None = None, now: datetime = INGESTED_AT, **options: Any
    ) -> IngestionResult:
        return ingest_day(self.engine, source or self.source, day, now=now, quarantine_dir=self.quarantine, **options)

    def messages(self) -> list[str]:
        table = worker_logs if self.kind == "worker" else build_logs
        with self.engine.connect() as connection:
            return sorted(connection.execute(select(table.c.message)).scalars())

    def quarantined(self, result: IngestionResult) -> list[dict[str, Any]]:
        return [json.loads(text) for path in result.quarantine_paths for text in path.read_text().splitlines()]


@pytest.fixture
def logs(store: Engine, tmp_path: Path) -> LogFolder:
    """A folder of worker logs, on both databases."""
    return LogFolder(store, tmp_path / "logs")


@pytest.fixture
def builds(store: Engine, tmp_path: Path) -> LogFolder:
    """A folder of build logs, on both databases."""
    return LogFolder(store, tmp_path / "builds", "build")
