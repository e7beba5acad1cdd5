"""Read a raw log file: text of GitHub Actions, GitLab or a terminal, or JSON lines of ours and of Logpush."""

import codecs
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from repo_agent_dagster.contracts.logs import LEVELS, LogLevel
from repo_agent_dagster.ops.analysis.model import Line, Log, Place
from repo_agent_dagster.ops.analysis.text import cut, plain, stamped

MAX_LINES = 200_000
"""Of a longer log the first and the last half of so many lines are kept, and a line between them says so."""

_MAX_RAW = 1024 * 1024  # characters of a raw line that are looked at: a JSON line holds a whole stack
_MAX_ENTRY_LINES = 200
_GH_VIEW = re.compile(r"[^\t]{1,200}\t(?P<step>[^\t]{1,300})\t\ufeff?(?=\d{4}-\d\d-\d\dT)")
_RUN = re.compile(r"##\[group\](Run .{1,300})")
_SECTION = re.compile(r"section_(?P<what>start|end):\d+:(?P<name>[\w.-]{1,100})(?:\[[^\]]{0,200}\])?\r?")
_MESSAGE_KEYS = ("message", "msg", "text")
_STACK_KEYS = ("stack", "stacktrace", "stack_trace", "exc_info", "traceback")
_TIME_KEYS = ("ts", "time", "timestamp", "@timestamp")


def text_log(
    text: str | bytes | Iterable[str] | Iterable[bytes],
    place: Place,
    source: str,
    *,
    hide: Callable[[str], str] = lambda line: line,
) -> Log:
    """Return a log's lines with their numbers, steps, times and levels, as far as the text tells them.

    `text` is the whole, or pieces of it in order, in UTF-8 where they are bytes. Escapes are removed, long lines cut
    with a mark. JSON lines that name no build make it a worker's log. `hide` is given each raw line, in order, before
    anything is made of it: it takes out what must not be kept.
    """
    raw = _bounded(map(hide, _raw_lines(_pieces(text))))
    first = next((line for _, line in raw if line.strip()), "")
    if first.lstrip("\ufeff").startswith("{") and isinstance(_decoded(first), dict):
        return _json_log(raw, place, source)
    return Log(place, source, tuple(_text_lines(raw)))


def _pieces(text: str | bytes | Iterable[str] | Iterable[bytes]) -> Iterator[str | bytes]:
    if isinstance(text, str | bytes):
        yield text
    else:
        yield from text


def _raw_lines(pieces: Iterable[str | bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held: list[str] = []
    size = 0
    for piece in pieces:
        chunk = decoder.decode(piece) if isinstance(piece, bytes) else piece
        *whole, rest = chunk.split("\n")
        for line in whole:
            yield "".join([*held, line[: _MAX_RAW - size]]) if held else line[:_MAX_RAW]
            held, size = [], 0
        if rest and size < _MAX_RAW:
            held.append(rest[: _MAX_RAW - size])
            size += len(held[-1])
    if held:
        yield "".join(held)


def _bounded(lines: Iterable[str]) -> list[tuple[int, str]]:
    head: list[tuple[int, str]] = []
    tail: deque[tuple[int, str]] = deque(maxlen=MAX_LINES // 2)
    for number, line in enumerate(lines, 1):
        (head if len(head) < MAX_LINES // 2 else tail).append((number, line.removesuffix("\r")))
    if tail and tail[0][0] > len(head) + 1:
        missing = tail[0][0] - len(head) - 1
        head.append((len(head) + 1, f"… [{missing} lines left out]"))
    return [*head, *tail]


def _text_lines(raw: list[tuple[int, str]]) -> Iterator[Line]:
    step: str | None = None
    sections: list[str] = []
    for number, line in raw:
        if match := _GH_VIEW.match(line):  # `gh run view --log`: job, step, line
            step = None if match["step"] == "UNKNOWN STEP" else match["step"]
            line = line[match.end() :]
        if "section_" in line[:60] and (match := _SECTION.search(line[:400])):
            name = match["name"]
            if match["what"] == "start":
                sections.append(name)
            elif name in sections:
                sections.remove(name)
            step = sections[-1] if sections else None
            line = line[match.end() :]
        ts, text = stamped(line) if line[:1] in "[\ufeff0123456789" else (None, line)
        if ts is None:
            text = line
        text = cut(plain(text))
        if run := _RUN.match(text):
            step = run[1]
        elif text.startswith("Post job cleanup"):
            step = "Post job cleanup"
        yield Line(number, text, _level_of(text), ts, step)


def _level_of(text: str) -> LogLevel | None:
    if text.startswith("##[error]"):
        return LogLevel.ERROR
    return LogLevel.WARN if text.startswith("##[warning]") else None


def _json_log(raw: list[tuple[int, str]], place: Place, source: str) -> Log:
    lines: list[Line] = []
    workers: set[str] = set()
    of_build = False
    for number, text in raw:
        record = _decoded(text)
        if not isinstance(record, dict):
            lines.append(Line(number, cut(plain(text))))
            continue
        worker = record.get("worker") or record.get("ScriptName")
        if isinstance(worker, str):
            workers.add(worker)
        of_build |= "repo" in record or "run_id" in record
        lines += _entry(number, record)
    if workers or not of_build:  # each line has its level, as a program's own log has
        name = workers.pop() if len(workers) == 1 else place.name
        place = replace(place, kind="worker", name=name, workflow=None, job=None, step=None)
    return Log(place, source, tuple(lines))


def _decoded(text: str) -> Any:
    try:
        return json.loads(text.strip().lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return None


def _entry(number: int, record: dict[str, Any]) -> Iterator[Line]:
    """Yield the lines of one JSON line; all bear its number."""
    ts = next((_time(record[key]) for key in _TIME_KEYS if key in record), None)
    if "ScriptName" in record:
        ts = _time(record.get("EventTimestampMs"))
        yield from _trace_event(number, record, ts)
        return
    meta = record.get("meta") if isinstance(record.get("meta"), dict) else record
    message = next((record[key] for key in _MESSAGE_KEYS if isinstance(record.get(key), str)), "")
    stack = _stack(record, meta)
    if isinstance(stack, str) and stack not in message:
        message = f"{message}\n{stack}"
    step = meta.get("step") if isinstance(meta, dict) and isinstance(meta.get("step"), str) else None
    yield from _lines(number, message, _level(record.get("level")), ts, step)


def _stack(record: dict[str, Any], meta: Any) -> str | None:
    """Return the stack that loggers keep beside the message: ``meta.stack``, ``err.stack``, ``exc_info``."""
    for holder in (meta, record.get("err"), record.get("error"), record):
        if isinstance(holder, dict):
            for key in _STACK_KEYS:
                if isinstance(stack := holder.get(key), str) and stack:
                    return stack
    return None


def _trace_event(number: int, record: dict[str, Any], ts: datetime | None) -> Iterator[Line]:
    outcome = record.get("Outcome", "ok")
    told = False
    for entry in record.get("Logs") or []:
        if isinstance(entry, dict):
            parts = entry.get("Message")
            text = " ".join(
                part if isinstance(part, str) else json.dumps(part)
                for part in (parts if isinstance(parts, list) else [parts])
            )
            yield from _lines(number, text, _level(entry.get("Level", "log")), ts, None)
    for entry in record.get("Exceptions") or []:
        if isinstance(entry, dict):
            told = True
            text = f"{entry.get('Name', 'Error')}: {entry.get('Message', '')}"
            if isinstance(stack := entry.get("Stack"), str):
                text += "\n" + stack
            yield from _lines(number, text, LogLevel.ERROR, ts, None)
    if outcome != "ok" and not told:
        yield Line(number, f"worker invocation ended: {outcome}", LogLevel.ERROR, ts)


def _lines(number: int, text: str, level: LogLevel | None, ts: datetime | None, step: str | None) -> Iterator[Line]:
    for line in text.splitlines()[:_MAX_ENTRY_LINES] or [""]:
        yield Line(number, cut(plain(line)), level, ts, step)


def _level(name: Any) -> LogLevel | None:
    key = name.strip().lower() if isinstance(name, str) else name
    stored = LEVELS.get(key) if isinstance(key, str | int) and not isinstance(key, bool) else None
    return LogLevel(stored) if stored else None


def _time(value: Any) -> datetime | None:
    if isinstance(value, str):
        ts, _ = stamped(value)
        return ts
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
        while abs(seconds) > 1e11:  # milli-, micro- or nanoseconds
            seconds /= 1000
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return None
