"""The shapes of log line that are understood, and the table row that each becomes. This is a hot loop.

Shapes: a worker's ``{ts, worker, level, message, meta}``, a build's ``{ts, repo, run_id, level, message, meta}``, and
Cloudflare Logpush's ``workers_trace_events``, one of which becomes a row for each log call and each exception in it.
"""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from repo_agent_dagster.contracts.logs import LEVELS, LogKind
from repo_agent_dagster.ops.ingestion.timestamps import utc_text
from repo_agent_dagster.redaction import may_hold_secret, redact, redact_value
from repo_agent_dagster.store.log_records import LogRow

MAX_PLACE_CHARACTERS = 200
MAX_RUN_ID_CHARACTERS = 64


class UnreadableLine(ValueError):
    """A line that is no log line of a known shape. `ts` is its time where that much could be read."""

    def __init__(self, reason: str, ts: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ts = ts


def _refuse_constant(name: str) -> NoReturn:
    raise UnreadableLine(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def read_line(line: str, kind: LogKind, day: str) -> Sequence[LogRow]:
    """Return the rows of one line, or none when its time is not on the UTC day (``YYYY-MM-DD``).

    Raises:
        UnreadableLine: it is of no known shape, or holds what a table cannot.
    """
    try:
        record, end = _decode(line)
        if end != len(line):
            raise UnreadableLine(f"text follows the JSON object at character {end + 1}")
    except (ValueError, RecursionError) as error:
        record = _decode_untidy(line, error)
    if type(record) is not dict:
        raise UnreadableLine(f"the line is a JSON {type(record).__name__}, not an object")
    if "ScriptName" in record and kind == "worker":
        return _trace_event_rows(record, line, day)
    try:
        ts = utc_text(record["ts"])
    except KeyError:
        raise UnreadableLine('the field "ts" is missing') from None
    except ValueError as error:
        raise UnreadableLine(f'the field "ts" is no time: {error}') from None
    if ts[:10] != day:
        return ()
    try:
        place = record["worker" if kind == "worker" else "repo"]
        message = record["message"]
        return (
            _row(
                place,
                None if kind == "worker" else record.get("run_id"),
                record["level"],
                message,
                record.get("meta"),
                ts,
                careful=may_hold_secret(line) or "\\u" in line,
            ),
        )
    except KeyError as error:
        raise UnreadableLine(f'the field "{error.args[0]}" is missing', ts) from None
    except UnreadableLine as error:
        raise UnreadableLine(error.reason, ts) from None


def _decode_untidy(line: str, fault: Exception) -> Any:
    """Decode a line with white space around its object; say what is wrong with any other."""
    stripped = line.strip()
    if "\x00" in stripped:
        raise UnreadableLine(f"NUL at character {line.index(chr(0)) + 1}")
    if isinstance(fault, UnreadableLine) and len(stripped) == len(line):
        raise fault
    try:
        record, end = _decode(stripped)
    except RecursionError:
        raise UnreadableLine("the JSON is nested too deeply") from None
    except UnreadableLine:
        raise
    except ValueError as error:
        raise UnreadableLine(f"broken JSON: {error}") from None
    if end != len(stripped):
        raise UnreadableLine(f"text follows the JSON object at character {end + 1}")
    return record


def _row(place: Any, run_id: Any, level: Any, message: Any, meta: Any, ts: str, *, careful: bool) -> LogRow:
    if type(message) is not str:
        raise UnreadableLine('the field "message" is not a text')
    if type(place) is not str or not 0 < len(place) <= MAX_PLACE_CHARACTERS:
        raise UnreadableLine(f"the worker or repo is not a text of 1 to {MAX_PLACE_CHARACTERS} characters")
    stored_level = LEVELS.get(level) if type(level) is str else None
    if stored_level is None:
        stored_level = _level(level)
    if run_id is not None:
        run_id = _run_id(run_id)
    if careful:
        _refuse_unstorable((place, run_id, message, meta))
        message, meta = redact(message), redact_value(meta)
    if meta is None:
        return (place, run_id, stored_level, message, None, ts)
    if type(meta) is not dict:
        raise UnreadableLine('the field "meta" is not an object')
    try:
        return (place, run_id, stored_level, message, _encode(meta), ts)
    except (ValueError, RecursionError) as error:
        raise UnreadableLine(f'the field "meta" cannot be stored: {error}') from None


def _level(level: Any) -> str:
    name = level.strip().lower() if isinstance(level, str) else level
    if isinstance(name, str | int) and not isinstance(name, bool) and name in LEVELS:
        return LEVELS[name]
    raise UnreadableLine(f"the level {level!r:.40} is unknown; use debug, info, warn, error or fatal")


def _run_id(run_id: Any) -> str:
    if isinstance(run_id, int) and not isinstance(run_id, bool):
        run_id = str(run_id)
    if not isinstance(run_id, str) or len(run_id) > MAX_RUN_ID_CHARACTERS:
        raise UnreadableLine(
            f'the field "run_id" is not a number or a text of at most {MAX_RUN_ID_CHARACTERS} characters'
        )
    return run_id


def _refuse_unstorable(value: Any) -> None:
    """Refuse NUL and half surrogate pairs, which escapes can spell and PostgreSQL cannot hold."""
    if isinstance(value, str):
        if "\x00" in value:
            raise UnreadableLine("a text holds an escaped NUL")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UnreadableLine("a text holds half of a surrogate pair") from None
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_unstorable(key)
            _refuse_unstorable(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_unstorable(item)


def _trace_event_rows(event: dict[str, Any], line: str, day: str) -> Sequence[LogRow]:
    """Return the rows of a Logpush `workers_trace_events` line; all of them bear the event's time.

    Source: Cloudflare's "Workers Trace Events" dataset page. Outcome is `ok`, `exception`, `exceededCpu`, …
    """
    try:
        ts = utc_text(event["EventTimestampMs"])
    except KeyError:
        raise UnreadableLine('the field "EventTimestampMs" is missing') from None
    except ValueError as error:
        raise UnreadableLine(f'the field "EventTimestampMs" is no time: {error}') from None
    if ts[:10] != day:
        return ()
    careful = may_hold_secret(line) or "\\u" in line
    outcome = event.get("Outcome", "ok")
    meta = {"outcome": outcome, "event": event.get("Event")}
    try:
        lines = [
            (entry.get("Level", "log"), " ".join(_text(part) for part in _list(entry.get("Message"))))
            for entry in _list(event.get("Logs"))
        ]
        lines += [
            ("error", f"{entry.get('Name', 'Error')}: {_text(entry.get('Message', ''))}")
            for entry in _list(event.get("Exceptions"))
        ]
        if not lines or (outcome != "ok" and not event.get("Exceptions")):
            lines.append(("info" if outcome == "ok" else "error", f"worker invocation ended: {outcome}"))
        return [_row(event["ScriptName"], None, level, text, meta, ts, careful=careful) for level, text in lines]
    except AttributeError:
        raise UnreadableLine("an entry of Logs or Exceptions is not an object", ts) from None
    except UnreadableLine as error:
        raise UnreadableLine(error.reason, ts) from None


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value)
