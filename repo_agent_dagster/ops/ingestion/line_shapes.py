"""The shapes of log line that are understood, and the table row that each becomes. This is a hot loop.

Shapes: a worker's ``{ts, worker, level, message, meta}``, a build's ``{ts, repo, run_id, level, message, meta}``, each
with its provider's ``id`` of the record if there is one, and Cloudflare Logpush's ``workers_trace_events``, one of
which becomes a row for each log call and each exception in it.
"""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from repo_agent_dagster.contracts.logs import LEVELS, LogKind
from repo_agent_dagster.ops.builds.facts import JobsInLines
from repo_agent_dagster.ops.ingestion.timestamps import utc_text
from repo_agent_dagster.redaction import LineRedactor, redact_value
from repo_agent_dagster.store.log_writing import LogRow

MAX_PLACE_CHARACTERS = 200
MAX_RUN_ID_CHARACTERS = 64
MAX_RECORD_ID_CHARACTERS = 200
MAX_ROWS_OF_AN_EVENT = 1000
MAX_EVENT_CHARACTERS = 16 * 1024
"""What each row of a trace event tells of the request: Logpush keeps it far below; longer, it would be stored for each
log call of the line."""


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


class LineShapes:
    """Reads the lines of one object for one UTC day (``YYYY-MM-DD``), and keeps what else they tell.

    `latest` is the last instant, in the form of the tables, that is not in the future. `other_days` are the days of
    lines that were passed over, `has_ids` tells whether any row has an id. `jobs` is shown each build line that has a
    meta.
    """

    def __init__(self, kind: LogKind, day: str, latest: str, jobs: JobsInLines | None = None) -> None:
        self.other_days: set[str] = set()
        self.has_ids = False
        self._kind = kind
        self._place = "worker" if kind == "worker" else "repo"
        self._day = day
        self._latest = latest
        self._jobs = jobs
        self._redactor = LineRedactor()

    @property
    def redacted(self) -> int:
        """How many secrets were taken out so far."""
        return self._redactor.count

    def rows(self, line: str) -> Sequence[LogRow]:
        """Return the rows of one line, or none when its time is not on the day.

        Raises:
            UnreadableLine: it is of no known shape, is dated in the future, or holds what a table cannot.
        """
        try:
            record, end = _decode(line)
            if end != len(line):
                raise UnreadableLine(f"text follows the JSON object at character {end + 1}")
        except (ValueError, RecursionError) as error:
            record = _decode_untidy(line, error)
        if type(record) is not dict:
            raise UnreadableLine(f"the line is a JSON {type(record).__name__}, not an object")
        if "ScriptName" in record and self._kind == "worker":
            return self._trace_event_rows(record, line)
        ts = self._time(record, "ts")
        if ts[:10] != self._day:
            self._passed_over(line, record.get("message"))
            return ()
        redactor = self._redactor if "\\u" in line or self._redactor.may_hold_secret(line) else None
        try:
            run_id = None if self._kind == "worker" else record.get("run_id")
            place, level, message = record[self._place], record["level"], record["message"]
            meta = _meta(record.get("meta"), redactor)
            row = _row(place, run_id, level, message, meta, ts, record.get("id"), redactor)
        except KeyError as error:
            raise UnreadableLine(f'the field "{error.args[0]}" is missing', ts) from None
        except UnreadableLine as error:
            raise UnreadableLine(error.reason, ts) from None
        if row[6] is not None:
            self.has_ids = True
        if self._jobs is not None and row[4] is not None:
            self._jobs.saw(row[0], row[1], record["meta"] if redactor is None else redact_value(record["meta"]), ts)
        return (row,)

    def _time(self, record: dict[str, Any], field: str) -> str:
        try:
            ts = utc_text(record[field])
        except KeyError:
            raise UnreadableLine(f'the field "{field}" is missing') from None
        except ValueError as error:
            raise UnreadableLine(f'the field "{field}" is no time: {error}') from None
        if ts[:10] != self._day:
            self.other_days.add(ts[:10])
        if ts > self._latest:
            raise UnreadableLine(f"the time {ts} UTC is in the future: check the writer's clock, its unit or its zone")
        return ts

    def _passed_over(self, line: str, message: Any) -> None:
        """Keep track of a private key that begins in a line of another day and goes on in the day's."""
        if ("PRIVATE KEY" in line or self._redactor.may_hold_secret("")) and type(message) is str:
            self._redactor.redact(message)

    def _trace_event_rows(self, event: dict[str, Any], line: str) -> Sequence[LogRow]:
        """Return the rows of a Logpush `workers_trace_events` line; all of them bear the event's time.

        Source: Cloudflare's "Workers Trace Events" dataset page. Outcome is `ok`, `exception`, `exceededCpu`, …
        An event has no id of its own: a ray id is shared by the invocations of one request.
        """
        ts = self._time(event, "EventTimestampMs")
        if ts[:10] != self._day:
            return ()
        redactor = self._redactor if "\\u" in line or self._redactor.may_hold_secret(line) else None
        outcome = event.get("Outcome", "ok")
        calls, exceptions = _list(event.get("Logs")), _list(event.get("Exceptions"))
        if len(calls) + len(exceptions) > MAX_ROWS_OF_AN_EVENT:
            raise UnreadableLine(f"the event has over {MAX_ROWS_OF_AN_EVENT} log calls and exceptions", ts)
        try:
            meta = _meta({"outcome": outcome, "event": event.get("Event")}, redactor)
            if meta is not None and len(meta) > MAX_EVENT_CHARACTERS:
                meta = _meta({"outcome": outcome}, redactor)
            lines = [
                (entry.get("Level", "log"), " ".join(_text(part) for part in _list(entry.get("Message"))))
                for entry in calls
            ]
            lines += [
                ("error", f"{entry.get('Name', 'Error')}: {_text(entry.get('Message', ''))}") for entry in exceptions
            ]
            if not lines or (outcome != "ok" and not exceptions):
                lines.append(("info" if outcome == "ok" else "error", f"worker invocation ended: {outcome}"))
            script = event["ScriptName"]
            return [_row(script, None, level, text, meta, ts, None, redactor) for level, text in lines]
        except AttributeError:
            raise UnreadableLine("an entry of Logs or Exceptions is not an object", ts) from None
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


def _row(
    place: Any,
    run_id: Any,
    level: Any,
    message: Any,
    meta: str | None,
    ts: str,
    record_id: Any,
    redactor: LineRedactor | None,
) -> LogRow:
    """Return a row; `redactor` is None where the line can hold neither a secret nor what cannot be stored."""
    if type(message) is not str:
        raise UnreadableLine('the field "message" is not a text')
    if type(place) is not str or not 0 < len(place) <= MAX_PLACE_CHARACTERS:
        raise UnreadableLine(f"the worker or repo is not a text of 1 to {MAX_PLACE_CHARACTERS} characters")
    stored_level = LEVELS.get(level) if type(level) is str else None
    if stored_level is None:
        stored_level = _level(level)
    if run_id is not None:
        run_id = _run_id(run_id)
    if record_id is not None:
        record_id = _record_id(record_id)
    if redactor is not None:
        _refuse_unstorable((place, run_id, message, record_id))
        message = redactor.redact(message)
    return (place, run_id, stored_level, message, meta, ts, record_id)


def _meta(meta: Any, redactor: LineRedactor | None) -> str | None:
    """Return the meta as JSON text."""
    if meta is None:
        return None
    if type(meta) is not dict:
        raise UnreadableLine('the field "meta" is not an object')
    try:
        if redactor is not None:
            _refuse_unstorable(meta)
            meta = redactor.redact_value(meta)
        return _encode(meta)
    except (ValueError, RecursionError) as error:
        if isinstance(error, UnreadableLine):
            raise
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


def _record_id(record_id: Any) -> str | None:
    """Return the provider's id of the record; what is too long or too odd for an id tells nothing."""
    if isinstance(record_id, int) and not isinstance(record_id, bool):
        record_id = str(record_id)
    return record_id if isinstance(record_id, str) and 0 < len(record_id) <= MAX_RECORD_ID_CHARACTERS else None


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


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value)
