"""Log proxies: an HTTP service that tells the last hours' log lines of workers, or of build runs."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.ingestion.timestamps import utc_text
from repo_agent_dagster.ops.sources.answers import AnswerReader, BrokenAnswer
from repo_agent_dagster.ops.sources.http import HttpClient
from repo_agent_dagster.ops.sources.landing import UNDATED, Fetch, Landing, day_folder, hour_of
from repo_agent_dagster.ops.sources.protocol import SourceIncomplete, SourceRefused, SourceUnavailable, Window
from repo_agent_dagster.redaction import REDACTED

WORKERS_PATH = "/v1/logs/workers"
BUILDS_PATH = "/v1/actions/runs/logs"
MOST_PAGES = 10_000
MOST_PAGE_BYTES = 1024 * 1024 * 1024

_REDACTED = REDACTED.encode()
_TIME_KEYS = ("ts", "timestamp", "time")
_Span = tuple[datetime, datetime]


@dataclass
class LandedDay:
    """All that a proxy ever told of a day. `redacted` is how many secrets are missing in what `chunks` yielded."""

    name: str
    landing: Landing
    version: str | None = None
    job: BuildJob | None = None
    redacted: int = 0

    def chunks(self) -> Iterator[bytes]:
        """Yield the day's rows as JSON lines."""
        self.redacted = 0
        for piece in self.landing.chunks():
            self.redacted += piece.count(_REDACTED)
            yield piece


@dataclass(frozen=True)
class ProxySource:
    """A proxy's address below `connect`'s base URL, asked for a window of hours that ends now, or for a span of time.

    `most_hours` is how far back the proxy can tell; what it has forgotten, and nobody asked for before, is told as
    missing. `connect` opens the client for one fetch.
    """

    name: str
    kind: LogKind
    path: str
    connect: Callable[[], HttpClient]
    landing: Path
    asks_for: Literal["window", "span"] = "window"
    most_hours: int | None = None
    page_bytes: int = MOST_PAGE_BYTES
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def fetch(self, window: Window) -> Iterator[LandedDay]:
        """Yield the window's day as one object, with what was told earlier.

        A day that was told whole after its lateness was over is not asked for again.

        Raises:
            SourceRefused, SourceUnavailable: the proxy did not tell all; what it told is in the object.
        """
        landing = Landing(day_folder(self.landing, self.name, window.start))
        trouble: SourceRefused | SourceUnavailable | None = None
        if not landing.note().get("is_settled"):
            try:
                self._refresh(landing, window)
            except (SourceRefused, SourceUnavailable) as error:
                trouble = error
        if landing.holds_rows:
            yield LandedDay(f"{window.start:%Y-%m-%d}", landing)
        if trouble is not None:
            raise trouble

    def check(self) -> str:
        """Ask for the last hour's first page and say how many rows it has.

        Raises:
            SourceRefused, SourceUnavailable: it did not tell.
        """
        with ExitStack() as opened:
            client = opened.enter_context(closing(self.connect()))
            answer = Path(opened.enter_context(TemporaryDirectory(prefix="repo-agent-")), "answer")
            client.download(self.path, answer, query={"window": "1h"}, most_bytes=self.page_bytes)
            reader = opened.enter_context(answer.open("rb"))
            rows = AnswerReader(reader)
            count = sum(1 for _ in self._rows(rows))
        return f"it answers; {count} rows in the first page of the last hour"

    def _refresh(self, landing: Landing, window: Window) -> None:
        now = self.clock()
        told_from = window.start
        hours = max(1, math.ceil((now - window.start) / timedelta(hours=1)))
        if self.most_hours is not None and hours > self.most_hours:
            hours = self.most_hours
            told_from = now - timedelta(hours=hours)
        query = {"window": f"{hours}h"}
        if self.asks_for == "span":
            query = {"since": _iso(max(told_from, window.start)), "until": _iso(window.end)}
        note = landing.note()
        known = note.get("etag") if note.get("query") == query else None
        etag = self._pages(landing, window, query, known if isinstance(known, str) else None)
        spans = merged([*_spans(note), (max(told_from, window.start), min(now, window.end))])
        missing = gap(spans, window.start, min(now, window.end))
        landing.write_note(
            {
                "query": query,
                "etag": etag,
                "told": [[_iso(start), _iso(end)] for start, end in spans],
                "is_settled": missing is None and now >= window.end + window.lateness,
            }
        )
        if missing is not None:
            raise SourceIncomplete(
                f"source {self.name}: the proxy tells the last {hours} hours, so the lines from {_iso(missing[0])} to "
                f"{_iso(missing[1])} are missing; ingest days sooner, or raise the proxy's memory and most_hours"
            )

    def _pages(self, landing: Landing, window: Window, query: dict[str, str], etag: str | None) -> str | None:
        """Read page after page into the landing; return the ETag of an answer that is one page."""
        cursor: str | None = None
        seen: set[str] = set()
        with ExitStack() as opened:
            client = opened.enter_context(closing(self.connect()))
            answer = Path(opened.enter_context(TemporaryDirectory(prefix="repo-agent-")), "answer")
            fetch = opened.enter_context(landing.fetching())
            for number in range(1, MOST_PAGES + 1):
                asked = query if cursor is None else {**query, "cursor": cursor}
                got = client.download(
                    self.path, answer, query=asked, etag=etag if number == 1 else None, most_bytes=self.page_bytes
                )
                if got.is_unchanged:
                    return got.etag
                cursor = self._read_page(answer, fetch, window)
                if cursor is None:
                    return got.etag if number == 1 else None
                if cursor in seen:
                    raise SourceUnavailable(f"source {self.name}: page {number} leads back to an earlier one")
                seen.add(cursor)
        raise SourceUnavailable(f"source {self.name}: there are more than {MOST_PAGES:,} pages; the rest is missing")

    def _read_page(self, answer: Path, fetch: Fetch, window: Window) -> str | None:
        with answer.open("rb") as file:
            reader = AnswerReader(file)
            for row in self._rows(reader):
                placed = self._placed(row, window)
                if placed is not None:
                    fetch.add(*placed)
        cursor = reader.fields.get("next_cursor", reader.fields.get("cursor"))
        return str(cursor) if isinstance(cursor, str | int) and not isinstance(cursor, bool) and cursor else None

    def _rows(self, reader: AnswerReader) -> Iterator[Any]:
        count = 0
        try:
            for row in reader.rows():
                count += 1
                yield row
        except BrokenAnswer as error:
            said = f"source {self.name}: after {count} rows {error}"
            if reader.has_rows:
                raise SourceUnavailable(f"{said}; try again later") from error
            raise SourceRefused(f"{said}; check that its url is a log proxy's") from error
        if not reader.has_rows:
            raise SourceRefused(f'source {self.name}: the answer has no "logs"; check that its url is a log proxy\'s')

    def _placed(self, row: Any, window: Window) -> tuple[str, Any, str | None] | None:
        """Return the row's hour, the row as it is ingested, and its id; None for a row of another day."""
        if not isinstance(row, dict):
            return UNDATED, row, None
        meta = row["meta"] if isinstance(row.get("meta"), dict) else {}
        told = {**row}
        if self.kind == "build":
            for key in ("repo", "run_id"):
                if key not in told and key in meta:
                    told[key] = meta[key]
        identity = row.get("id")
        identity = str(identity) if isinstance(identity, str | int) and identity != "" else None
        ts = _time_of(row) or _time_of(meta)
        if ts is None:
            return UNDATED, told, identity
        if not window.start <= datetime.fromisoformat(ts).replace(tzinfo=UTC) < window.end:
            return None
        told["ts"] = f"{ts[:10]}T{ts[11:]}Z"
        return hour_of(ts), told, identity


def merged(spans: list[_Span]) -> list[_Span]:
    """Return the spans in order, those that touch or overlap as one; empty ones are left out."""
    result: list[_Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def gap(told: list[_Span], start: datetime, end: datetime) -> _Span | None:
    """Return the first part of start … end that no span covers; the spans are in order and apart."""
    for span_start, span_end in told:
        if span_start > start:
            break
        start = max(start, span_end)
    following = [span_start for span_start, _ in told if span_start > start]
    return (start, min([end, *following])) if start < end else None


def _spans(note: dict[str, Any]) -> list[_Span]:
    try:
        return [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in note.get("told", ())]
    except (TypeError, ValueError):
        return []


def _time_of(row: dict[str, Any]) -> str | None:
    for key in _TIME_KEYS:
        if key in row:
            try:
                return utc_text(row[key])
            except (ValueError, TypeError, IndexError):
                continue
    return None


def _iso(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
