"""The text of a build's log, line by line, as GitHub Actions writes it, turned into the JSON lines of a build."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from repo_agent_dagster.ops.analysis.text import marked

MOST_LINE_BYTES = 256 * 1024
"""A longer line is cut, and says so."""

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z(?: |$)")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LEVELS = {"error": "error", "warning": "warn", "debug": "debug"}
_ERROR = re.compile(
    r"\W{0,6}(?:error|fatal|panic|critical)(?:\[\w{1,12}\])?[:!\]]|\W{0,6}(?:npm (?:err!|error) |uncaught |unhandled )"
    r"|traceback \(most recent|\S{1,200}[:(]\d+[:,)\d]{0,12}:? error\b",
    re.IGNORECASE | re.ASCII,
)
_ERROR_NAME = re.compile(r"[\w.]{0,80}(?:Error|Exception): |(?:FAIL|FAILED|ERROR|FATAL|CRITICAL)\b", re.ASCII)
_WARNING = re.compile(
    r"\W{0,6}(?:npm )?warn(?:ing)?(?:\[\w{1,12}\])?\b[:!\] ]|\S{1,200}[:(]\d+[:,)\d]{0,12}:? warning\b",
    re.IGNORECASE | re.ASCII,
)
_LOOKED_AT = 300
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line's time as it stands there, to the microsecond, or None, and its text."""

    ts: str | None
    text: str


def raw_lines(chunks: Iterable[bytes]) -> Iterator[RawLine]:
    """Yield the lines of a log with bounded memory; invalid UTF-8 and NUL become U+FFFD."""
    rest = b""
    left_out = 0
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield _raw_line(line, left_out)
            left_out = 0
        if len(rest) > MOST_LINE_BYTES:
            left_out += len(rest) - MOST_LINE_BYTES
            rest = rest[:MOST_LINE_BYTES]
    if rest:
        yield _raw_line(rest, left_out)


def _raw_line(line: bytes, left_out: int) -> RawLine:
    line = line.removeprefix(_BYTE_ORDER_MARK).removesuffix(b"\r")
    ts = None
    if match := _STAMP.match(line):
        ts = f"{match[1].decode()}.{(match[2] or b'').decode()[:6]:0<6}Z"
        line = line[match.end() :]
    if len(line) > MOST_LINE_BYTES:
        left_out += len(line) - MOST_LINE_BYTES
        line = line[:MOST_LINE_BYTES]
    text = line.decode(errors="replace")
    if "\0" in text:
        text = text.replace("\0", "�")
    return RawLine(ts, f"{text} … [{left_out} more bytes]" if left_out else text)


def inferred_level(text: str) -> str:
    """Return the level of a line that bears no mark, by how it begins: most lines are info."""
    start = text[:_LOOKED_AT]
    if _ERROR.match(start) or _ERROR_NAME.match(start):
        return "error"
    return "warn" if _WARNING.match(start) else "info"


class StepLines:
    """Turns lines into JSON lines that share a repository, a run, and what is known of the job.

    `meta` is the same for all; a line adds its step, its mark (``error``, ``group``, …) and the open group. A line
    without a time has that of the one before it, the first one `started_at`.
    """

    def __init__(self, repo: str, run_id: str, meta: Mapping[str, Any], started_at: datetime) -> None:
        self._tail = f',"repo":{_encode(repo)},"run_id":{_encode(run_id)},"level":"'
        self._meta = dict(meta)
        self._ts = f"{started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        self._group: str | None = None
        self.in_step(None, None)

    def in_step(self, number: int | None, name: str | None) -> None:
        """What follows belongs to this step."""
        known = {**self._meta, "step": name, "step_number": number} if number is not None else self._meta
        self._step_meta = _encode(known)[:-1]
        self._group = None

    def json_line(self, line: RawLine) -> str:
        """Return the line as JSON, without a line feed."""
        self._ts = line.ts or self._ts
        found = marked(line.text)
        added = ""
        if found.mark is None:
            level = inferred_level(line.text)
        else:
            level = _LEVELS.get(found.mark, "info")
            added = f',"mark":"{found.mark}"'
            if found.anchor is not None:
                added += f',"at":{_encode(str(found.anchor))}'
            if found.mark == "group":
                self._group = found.text[:_LOOKED_AT]
            elif found.mark == "endgroup":
                self._group = None
        if self._group and found.mark != "group":
            added += f',"group":{_encode(self._group)}'
        meta = f"{self._step_meta}{added}}}" if len(self._step_meta) > 1 else f"{{{added[1:]}}}"
        return f'{{"ts":"{self._ts}"{self._tail}{level}","message":{_encode(found.text)},"meta":{meta}}}'
