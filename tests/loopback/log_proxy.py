"""A log proxy on loopback: bearer token, window or span, pages by cursor, ETag."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.loopback.github_faults import bad_credentials
from tests.loopback.server import Answer, Asked, Loopback, said, serving

TOKEN = "made-up-proxy-token"


@dataclass
class LogProxy:
    """Tells the rows of the last hours, as its clock has it."""

    server: Loopback
    now: datetime
    path: str = "/v1/logs/workers"
    rows: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 1000

    def tell(self, message: str, ts: str, **fields: Any) -> None:
        """Add a row of the worker `shop`."""
        self.rows.append({"worker": "shop", "level": "error", "message": message, "ts": ts, **fields})

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return bad_credentials()
        rows = [row for row in self.rows if self._is_asked_for(row, asked.query)]
        start = int(asked.query.get("cursor", "0"))
        body: dict[str, Any] = {"logs": rows[start : start + self.page_size]}
        if start + self.page_size < len(rows):
            body["next_cursor"] = str(start + self.page_size)
        etag = f'"{hashlib.sha256(json.dumps(body).encode()).hexdigest()}"'
        if asked.headers.get("if-none-match") == etag:
            return Answer(304, headers={"ETag": etag})
        return said(body, ETag=etag)

    def _is_asked_for(self, row: dict[str, Any], query: dict[str, str]) -> bool:
        if "ts" not in row:
            return True
        ts = datetime.fromisoformat(row["ts"])
        if "window" in query:
            return self.now - timedelta(hours=int(query["window"].removesuffix("h"))) <= ts <= self.now
        return datetime.fromisoformat(query["since"]) <= ts < datetime.fromisoformat(query["until"])


@contextmanager
def serving_logs(path: str = "/v1/logs/workers") -> Iterator[LogProxy]:
    with serving() as server:
        proxy = LogProxy(server, datetime(2026, 3, 4, 9, tzinfo=UTC), path)
        server.on("GET", path, proxy.answer)
        yield proxy
