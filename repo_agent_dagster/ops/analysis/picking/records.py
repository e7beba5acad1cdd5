"""Failures among stored lines: rows that were logged one by one and belong together are one failure."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from repo_agent_dagster.contracts.logs import FAILURE_LEVELS, LogRecord
from repo_agent_dagster.ops.analysis.blocks import blocks_of, wrapper
from repo_agent_dagster.ops.analysis.blocks.block import anchors_of, shown
from repo_agent_dagster.ops.analysis.masking import headline
from repo_agent_dagster.ops.analysis.model import Failure, Line, Place
from repo_agent_dagster.ops.analysis.picking.continuation import goes_on
from repo_agent_dagster.ops.analysis.stacks import exception_of, frames_of, raised
from repo_agent_dagster.ops.analysis.text import plain

MAX_OPEN = 1000
"""Streams of lines that are followed at a time; the one that has been silent for longest is closed."""

MAX_ROWS = 200
"""Rows of one failure."""

MAX_CHARACTERS = 2000
"""Characters of a line that a failure keeps."""

SILENCE = timedelta(seconds=5)
"""A line that comes later does not go on with what was said before."""

BUILD_SILENCE = timedelta(minutes=30)
_MOST_TEXT = 8 * 1024  # characters of a failure's lines in all: 20,000 of them have to fit into memory
_REQUEST_KEYS = ("request_id", "requestId", "ray_id", "rayId", "ray", "cf_ray", "trace_id", "traceId", "invocation_id")
_EXCEPTION_KEYS = ("exception", "exception_class", "error_class", "error_type", "error_name")
_Stream = tuple[str, ...]


@dataclass(slots=True)
class _Open:
    """The rows of one stream that may go on."""

    rows: list[LogRecord]
    last: datetime
    texts: list[str] = field(default_factory=list)


def joined_failures(records: Iterable[LogRecord]) -> Iterator[Failure]:
    """Yield the failures that warn, error and fatal rows tell of; rows come in the order of time.

    Rows of many workers may be mixed. A row goes on with the one before it of the same worker and request when it is
    a frame, a cause or an indented line; a build's rows are read like a log, run by run.
    """
    open_streams: OrderedDict[_Stream, _Open] = OrderedDict()
    for record in records:
        if record.level not in FAILURE_LEVELS:
            continue
        stream = _stream(record)
        held = open_streams.get(stream)
        silence = BUILD_SILENCE if record.kind == "build" else SILENCE
        if held is not None and (
            len(held.rows) >= MAX_ROWS
            or record.ts - held.last > silence
            or (record.kind == "worker" and not goes_on(held.texts, record.message))
        ):
            yield from _closed(open_streams.pop(stream))
            held = None
        if held is None:
            held = open_streams[stream] = _Open([], record.ts)
        held.rows.append(record)
        held.texts.append(record.message[:MAX_CHARACTERS])
        held.last = max(held.last, record.ts)
        open_streams.move_to_end(stream)
        if len(open_streams) > MAX_OPEN:
            yield from _closed(open_streams.popitem(last=False)[1])
    for held in open_streams.values():
        yield from _closed(held)


def _stream(record: LogRecord) -> _Stream:
    meta = record.meta or {}
    if record.kind == "build":
        return ("build", record.source, record.place, record.run_id or "", str(meta.get("job")), str(meta.get("step")))
    request = next((str(meta[key]) for key in _REQUEST_KEYS if meta.get(key)), "")
    return ("worker", record.source, record.place, request)


def _closed(held: _Open) -> Iterator[Failure]:
    if held.rows[0].kind == "worker":
        yield _failure(held.rows)
        return
    texts = [plain(row.message.partition("\n")[0]) if "\n" not in row.message else row.message for row in held.rows]
    taken: set[int] = set()
    failures: list[tuple[int, Failure]] = []
    for block in blocks_of(texts):
        fresh = [index for index in block.picked if index not in taken]
        if not fresh or (len(block.picked) == 1 and not block.test and not block.rule):
            continue
        covered = {*range(block.start, block.end), *block.picked}
        whole = _failure([held.rows[index] for index in fresh])
        failures.append(
            (fresh[0], replace(
                whole, headline=block.headline, exception=block.exception or whole.exception, frames=block.frames,
                anchors=block.anchors, tool=block.tool, test=block.test, rule=block.rule,
                exit_code=block.exit_code, signals=whole.signals | {"block"},
            ))
        )  # fmt: skip
        taken |= covered
    index = 0
    while index < len(held.rows):
        if index not in taken:
            end = index + 1
            while end < len(held.rows) and end not in taken and goes_on(texts[index:end], texts[end]):
                end += 1
            failures.append((index, _failure(held.rows[index:end])))
            index = end - 1
        index += 1
    failures.sort(key=lambda pair: pair[0])
    yield from _without_cascades([failure for _, failure in failures])


def _without_cascades(failures: list[Failure]) -> Iterator[Failure]:
    """A line that only tells an exit code belongs to the failure before it, where there is one."""
    kept: list[Failure] = []
    for failure in failures:
        told = wrapper(failure.headline)
        if told is not None and kept:
            kept[-1] = replace(kept[-1], exit_code=kept[-1].exit_code or told.exit_code)
        elif told is not None:
            kept.append(replace(failure, exit_code=told.exit_code, signals=failure.signals | {"exit"}))
        else:
            kept.append(failure)
    yield from kept


def _failure(rows: list[LogRecord]) -> Failure:
    """Return the failure of rows that belong together; the first one gives its place and time."""
    first = rows[0]
    meta = first.meta or {}
    text = "\n".join(row.message[: 4 * _MOST_TEXT] for row in rows)
    stack = meta.get("stack")
    if isinstance(stack, str):
        text += "\n" + stack[: 4 * _MOST_TEXT]
    texts = _bounded(text)
    said = _headline(texts, first.message)
    frames = frames_of(texts) if len(texts) > 1 else ()
    level = max((row.level for row in rows), key=FAILURE_LEVELS.index)
    step = meta.get("step")
    lines = tuple(
        Line(number, line, level, first.ts, step if isinstance(step, str) else None)
        for number, line in enumerate(texts, 1)
    )
    return Failure(
        place=_place(first),
        source=first.source,
        level=level,
        headline=said,
        lines=lines,
        exception=_exception(meta, said),
        frames=frames,
        anchors=anchors_of(frames),
        signals=frozenset({"level", "stack"} if frames else {"level"}),
        ts=first.ts,
        run_id=first.run_id,
        meta=_kept(meta),
    )


def _bounded(text: str) -> list[str]:
    """Return the lines without escapes and empty ones, cut with a mark where they are too long or too many."""
    texts: list[str] = []
    size = 0
    for line in text.splitlines():
        shown_line = plain(line)
        if len(shown_line) > MAX_CHARACTERS:
            shown_line = f"{shown_line[:MAX_CHARACTERS]} … [cut]"
        if not shown_line.strip():
            continue
        if texts and (len(texts) >= MAX_ROWS or size + len(shown_line) > _MOST_TEXT):
            texts.append("… [cut]")
            break
        texts.append(shown_line)
        size += len(shown_line)
    return texts


def _kept(meta: dict[str, Any]) -> dict[str, Any]:
    """Return a line's meta without its stack, which is among the lines, and without values too big to keep."""
    return {key: value for key, value in meta.items() if key != "stack" and len(str(value)) <= MAX_CHARACTERS}


def _headline(texts: list[str], message: str) -> str:
    return shown(headline("\n".join(texts[:200])) or message)


def _exception(meta: dict[str, object], said: str) -> str | None:
    for key in _EXCEPTION_KEYS:
        named = meta.get(key)
        if isinstance(named, str) and named:
            return exception_of(named) or raised(named)
        if isinstance(named, dict) and isinstance(name := named.get("name") or named.get("type"), str):
            return name[:200]
    return exception_of(said)


def _place(record: LogRecord) -> Place:
    if record.kind == "worker":
        return Place("worker", record.place)
    meta = record.meta or {}
    workflow, job, step = (
        value if isinstance(value := meta.get(key), str) else None for key in ("workflow", "job", "step")
    )
    return Place("build", record.place, workflow, job, step)
