"""Every shape of line that is understood, and every way in which a line can be broken."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.ingestion.line_shapes import LineShapes, UnreadableLine
from repo_agent_dagster.store.log_writing import LogRow

DAY = "2026-03-04"
TS = "2026-03-04T12:34:56.789Z"
STORED = "2026-03-04 12:34:56.789000"
LATEST = "2026-03-05 00:00:00.000000"


def read_line(line: str, kind: LogKind, day: str) -> Sequence[LogRow]:
    return LineShapes(kind, day, LATEST).rows(line)


def worker_line(**changes: Any) -> str:
    line = {"ts": TS, "worker": "shop", "level": "info", "message": "hello", "meta": {"a": 1}, **changes}
    return json.dumps({key: value for key, value in line.items() if value is not ...})


def test_a_workers_line_becomes_one_row() -> None:
    assert read_line(worker_line(), "worker", DAY) == (("shop", None, "info", "hello", '{"a":1}', STORED, None),)


@pytest.mark.parametrize("run_id", [4711, "4711"])
def test_a_builds_line_becomes_one_row_with_its_run(run_id: object) -> None:
    line = json.dumps({"ts": TS, "repo": "org/web", "run_id": run_id, "level": "ERROR", "message": "boom"})

    assert read_line(line, "build", DAY) == (("org/web", "4711", "error", "boom", None, STORED, None),)


def test_a_builds_run_may_be_unknown() -> None:
    line = json.dumps({"ts": TS, "repo": "org/web", "level": "warn", "message": "", "meta": None})

    assert read_line(line, "build", DAY) == (("org/web", None, "warn", "", None, STORED, None),)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Warning", "warn"),
        ("log", "info"),
        ("CRITICAL", "fatal"),
        (" err ", "error"),
        ("trace", "debug"),
        (50, "error"),
    ],
)
def test_other_names_of_levels_are_understood(given: object, stored: str) -> None:
    assert read_line(worker_line(level=given), "worker", DAY)[0][2] == stored


@pytest.mark.parametrize("day", ["2026-03-03", "2026-03-05"])
def test_a_line_of_another_day_gives_no_row_even_when_the_rest_is_broken(day: str) -> None:
    assert read_line(worker_line(), "worker", day) == ()
    assert read_line(worker_line(message=...), "worker", day) == ()


def test_white_space_around_the_object_is_no_matter() -> None:
    assert read_line(f" \t{worker_line()} \r", "worker", DAY) == read_line(worker_line(), "worker", DAY)


def test_escaped_letters_arrive_as_letters() -> None:
    line = worker_line(message="caf\u00e9 \U0001f642", meta={"k": "\u00e9"})

    assert "\\u" in line
    assert read_line(line, "worker", DAY)[0][3:5] == ("café 🙂", '{"k":"é"}')


def test_secrets_are_taken_out_before_storage_also_behind_escapes() -> None:
    secret = "Aa1" * 7
    plain = worker_line(message=f"password={secret}", meta={"token": secret, "url": "https://u:pw1@h/x"})
    escaped = plain.replace("password", "p\\u0061ssword")

    for line in (plain, escaped):
        [(_, _, _, message, meta, _, _)] = read_line(line, "worker", DAY)
        assert message == "password=[REDACTED:secret]"
        assert meta == '{"token":"[REDACTED:secret]","url":"https://[REDACTED:url-credentials]@h/x"}'


def event(**fields: Any) -> str:
    return json.dumps({"ScriptName": "edge", "EventTimestampMs": 1772627696789, "Outcome": "ok", **fields})


def test_a_trace_event_becomes_a_row_for_each_log_call_and_exception() -> None:
    line = event(
        Outcome="exception",
        Logs=[{"Level": "log", "Message": ["got", {"n": 1}]}, {"Level": "warn", "Message": ["slow"]}],
        Exceptions=[{"Name": "TypeError", "Message": "x is undefined"}],
    )

    rows = read_line(line, "worker", DAY)

    assert [(row[0], row[2], row[3], row[5]) for row in rows] == [
        ("edge", "info", 'got {"n":1}', STORED),
        ("edge", "warn", "slow", STORED),
        ("edge", "error", "TypeError: x is undefined", STORED),
    ]
    assert json.loads(rows[0][4] or "")["outcome"] == "exception"


@pytest.mark.parametrize(("given", "stored"), [("01J9", "01J9"), (7, "7"), (True, None), ("", None), ("x" * 201, None)])
def test_a_providers_id_of_the_record_is_kept(given: object, stored: str | None) -> None:
    shapes = LineShapes("worker", DAY, LATEST)

    assert shapes.rows(worker_line(id=given))[0][6] == stored
    assert shapes.has_ids == (stored is not None)


def test_the_secrets_taken_out_are_counted_and_those_taken_out_before_are_not() -> None:
    shapes = LineShapes("worker", DAY, LATEST)
    secret = "Aa1" * 7

    shapes.rows(worker_line(message=f"password={secret}", meta={"token": secret}))
    shapes.rows(worker_line(message="password=[REDACTED:secret]"))
    shapes.rows(worker_line())

    assert shapes.redacted == 2


def test_a_private_key_is_taken_out_over_several_lines_also_across_midnight() -> None:
    body = "QUJD" * 16
    shapes = LineShapes("worker", DAY, LATEST)

    shapes.rows(worker_line(ts="2026-03-03T23:59:59Z", message="-----BEGIN RSA PRIVATE" + " KEY-----"))
    [first] = shapes.rows(worker_line(message=body))
    shapes.rows(worker_line(message="-----END RSA PRIVATE" + " KEY-----"))
    [after] = shapes.rows(worker_line(message=body))

    assert "[REDACTED:private-key" in first[3]
    assert after[3] == body


def test_the_days_of_lines_that_are_passed_over_are_told() -> None:
    shapes = LineShapes("worker", DAY, LATEST)

    for ts in (TS, "2026-03-03T23:59:59Z", "2026-03-04T23:30:00-01:00"):
        with suppress(UnreadableLine):  # one of them is in the future
            shapes.rows(worker_line(ts=ts))

    assert shapes.other_days == {"2026-03-03", "2026-03-05"}


def test_a_trace_event_always_gives_a_row() -> None:
    [fine] = read_line(event(Logs=[], Exceptions=None), "worker", DAY)
    [killed] = read_line(event(Outcome="exceededCpu"), "worker", DAY)

    assert fine[2:4] == ("info", "worker invocation ended: ok")
    assert killed[2:4] == ("error", "worker invocation ended: exceededCpu")


def test_what_an_event_tells_of_its_request_is_left_out_when_it_is_very_long() -> None:
    rows = read_line(event(Event={"url": "x" * 20_000}, Logs=[{"Message": ["a"]}] * 3), "worker", DAY)

    assert [row[4] for row in rows] == ['{"outcome":"ok"}'] * 3


BROKEN = {
    "empty object": ("{}", '"ts" is missing'),
    "cut short": (worker_line()[:-5], "broken JSON"),
    "no JSON": ("plain text", "broken JSON"),
    "an array": ("[1]", "JSON list"),
    "a number": ("7", "JSON int"),
    "null": ("null", "JSON NoneType"),
    "two objects": (worker_line() * 2, "text follows"),
    "two objects, spaced": (f" {worker_line()} {worker_line()}", "text follows"),
    "NUL byte": (worker_line().replace("hello", "he\x00lo"), "NUL"),
    "escaped NUL in message": (worker_line(message="he\x00lo"), "NUL"),
    "escaped NUL in meta": (worker_line(meta={"a": ["\x00"]}), "NUL"),
    "escaped NUL in a meta key": (worker_line(meta={"\x00": 1}), "NUL"),
    "half a surrogate pair": (worker_line(message="\ud83d"), "surrogate"),
    "no ts": (worker_line(ts=...), '"ts" is missing'),
    "no worker": (worker_line(worker=...), '"worker" is missing'),
    "no level": (worker_line(level=...), '"level" is missing'),
    "no message": (worker_line(message=...), '"message" is missing'),
    "ts null": (worker_line(ts=None), '"ts" is no time'),
    "ts in words": (worker_line(ts="yesterday"), '"ts" is no time'),
    "ts without time": (worker_line(ts=DAY), "without a time"),
    "ts before our time": (worker_line(ts=0), "outside the years"),
    "ts in the future": (worker_line(ts="2026-03-06T00:00:00Z"), "in the future: check"),
    "ts of a clock gone wrong": (worker_line(ts=3772627696), "in the future"),
    "ts far off": (worker_line(ts="9999-01-01T00:00:00Z"), "outside the years"),
    "unknown level": (worker_line(level="purple"), "level 'purple' is unknown"),
    "level a list": (worker_line(level=[]), "unknown"),
    "level true": (worker_line(level=True), "unknown"),
    "message a number": (worker_line(message=5), "not a text"),
    "message null": (worker_line(message=None), "not a text"),
    "worker empty": (worker_line(worker=""), "1 to 200"),
    "worker too long": (worker_line(worker="w" * 201), "1 to 200"),
    "worker a list": (worker_line(worker=["w"]), "1 to 200"),
    "meta a text": (worker_line(meta="a"), '"meta" is not an object'),
    "meta a list": (worker_line(meta=[1]), '"meta" is not an object'),
    "NaN": (worker_line(meta={"a": float("nan")}), "NaN is no JSON"),
    "infinity by exponent": (worker_line().replace('"a": 1', '"a": 1e999'), "cannot be stored"),
    "too many digits": (worker_line().replace('"a": 1', '"a": ' + "1" * 5000), "broken JSON"),
    "nested too deeply": (
        worker_line().replace('"a": 1', '"a": ' + "[" * 100_000 + "]" * 100_000),
        "nested too deeply",
    ),
    "raw control character": (worker_line().replace("hello", "he\x07lo"), "broken JSON"),
    "event without time": ('{"ScriptName": "edge"}', '"EventTimestampMs" is missing'),
    "event with a bad time": (event(EventTimestampMs="x"), '"EventTimestampMs" is no time'),
    "event with odd logs": (event(Logs=["text"]), "not an object"),
    "event with endless logs": (event(Logs=[{}] * 1001), "over 1000 log calls"),
    "event with a bad name": (event(ScriptName=None), "1 to 200"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_line_is_refused_with_its_reason(name: str) -> None:
    line, reason = BROKEN[name]

    with pytest.raises(UnreadableLine, match=reason):
        read_line(line, "worker", DAY)


@pytest.mark.parametrize("run_id", [[], True, 1.5, "x" * 65])
def test_a_builds_run_must_be_a_number_or_a_short_text(run_id: object) -> None:
    line = json.dumps({"ts": TS, "repo": "org/web", "run_id": run_id, "level": "info", "message": ""})

    with pytest.raises(UnreadableLine, match="run_id"):
        read_line(line, "build", DAY)


@pytest.mark.parametrize(("kind", "missing"), [("build", "repo"), ("worker", "worker")])
def test_a_line_of_the_other_kind_is_refused(kind: LogKind, missing: str) -> None:
    other = worker_line() if kind == "build" else json.dumps({"ts": TS, "repo": "r", "level": "info", "message": ""})

    with pytest.raises(UnreadableLine, match=f'"{missing}" is missing'):
        read_line(other, kind, DAY)
