"""Lines of a build's log, as GitHub Actions writes them."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.ops.ingestion.line_reader import read_lines
from repo_agent_dagster.ops.sources.step_log import MOST_LINE_BYTES, RawLine, StepLines, inferred_level, raw_lines

START = datetime(2026, 3, 3, 12, tzinfo=UTC)


def told(*texts: str, meta: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    lines = StepLines("acme/shop", "7", meta or {}, START)
    return [json.loads(lines.json_line(RawLine(None, text))) for text in texts]


def test_a_time_before_a_line_is_its_time() -> None:
    (line,) = raw_lines([b"\xef\xbb\xbf2026-03-03T12:00:00.1234567Z hello\r\n"])
    assert line == RawLine("2026-03-03T12:00:00.123456Z", "hello")


def test_a_line_without_a_time_has_that_of_the_one_before() -> None:
    lines = StepLines("acme/shop", "7", {}, START)
    raw = raw_lines([b"first\n2026-03-03T13:00:00Z second\nthird\n"])
    assert [json.loads(lines.json_line(line))["ts"] for line in raw] == [
        "2026-03-03T12:00:00.000000Z",
        "2026-03-03T13:00:00.000000Z",
        "2026-03-03T13:00:00.000000Z",
    ]


def test_an_empty_line_is_a_line() -> None:
    assert [line.text for line in raw_lines([b"2026-03-03T12:00:00Z\n\nx"])] == ["", "", "x"]


@pytest.mark.parametrize(
    ("text", "level", "message", "meta"),
    [
        (
            "##[error]Process completed with exit code 1.",
            "error",
            "Process completed with exit code 1.",
            {"mark": "error"},
        ),
        ("##[warning]Node 16 is deprecated", "warn", "Node 16 is deprecated", {"mark": "warning"}),
        ("##[debug]Evaluating", "debug", "Evaluating", {"mark": "debug"}),
        ("##[notice]Done", "info", "Done", {"mark": "notice"}),
        ("##[group]Run npm ci", "info", "Run npm ci", {"mark": "group"}),
        ("::error file=src/a.ts,line=3,col=7::bad type", "error", "bad type", {"mark": "error", "at": "src/a.ts:3:7"}),
        ("::warning::look out", "warn", "look out", {"mark": "warning"}),
    ],
)
def test_marks_tell_the_level(text: str, level: str, message: str, meta: dict[str, Any]) -> None:
    (line,) = told(text)
    assert (line["level"], line["message"], line["meta"]) == (level, message, meta)


@pytest.mark.parametrize(
    "text",
    [
        "Error: Cannot find module 'x'",
        "error[E0308]: mismatched types",
        "npm ERR! code ERESOLVE",
        "TypeError: x is not a function",
        "java.lang.NullPointerException: null",
        "fatal: repository not found",
        "FAILED tests/test_a.py::test_b - assert 1 == 2",
        "src/a.ts(3,7): error TS2322: Type",
        "main.c:3:5: error: expected",
        "panic: runtime error",
    ],
)
def test_a_line_that_begins_like_an_error_is_one(text: str) -> None:
    assert inferred_level(text) == "error"


@pytest.mark.parametrize("text", ["npm warn deprecated x", "warning: unused", "WARN  something", "a.c:3:5: warning: x"])
def test_a_line_that_begins_like_a_warning_is_one(text: str) -> None:
    assert inferred_level(text) == "warn"


@pytest.mark.parametrize(
    "text",
    [
        "0 errors, 0 warnings",
        "Errors: none",
        "compiling error_handler.c",
        "test error handling ... ok",
        "error handling",
        "",
    ],
)
def test_a_line_that_only_speaks_of_errors_is_none(text: str) -> None:
    assert inferred_level(text) == "info"


def test_lines_know_the_open_group_and_their_step() -> None:
    lines = StepLines("acme/shop", "7", {"job": "test"}, START)
    lines.in_step(3, "Run npm ci")
    found = [
        json.loads(lines.json_line(RawLine(None, text)))["meta"]
        for text in ("##[group]Run npm ci", "inside", "##[endgroup]", "outside")
    ]
    step = {"job": "test", "step": "Run npm ci", "step_number": 3}
    assert found == [
        {**step, "mark": "group"},
        {**step, "group": "Run npm ci"},
        {**step, "mark": "endgroup"},
        step,
    ]


def test_an_endless_line_is_cut_and_says_so() -> None:
    pieces = [b"2026-03-03T12:00:00Z ", *[b"x" * 100_000] * 20, b"\nnext\n"]
    long, following = raw_lines(pieces)
    assert len(long.text) < MOST_LINE_BYTES + 50
    assert long.text.endswith(f" … [{2_000_021 - MOST_LINE_BYTES} more bytes]")
    assert following.text == "next"


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_whatever_a_log_holds_its_lines_can_be_stored(pieces: list[bytes]) -> None:
    lines = StepLines("acme/shop", "7", {"job": "ü\ud800"}, START)
    lines.in_step(1, "a\x00b")
    for line in raw_lines(pieces):
        encoded = lines.json_line(line).encode()
        ((decoded,),) = read_lines([encoded])
        assert isinstance(decoded, str)
        assert "\0" not in json.loads(decoded)["message"]


@given(st.lists(st.binary(max_size=60), max_size=8), st.integers(1, 20))
def test_how_a_log_comes_in_pieces_makes_no_difference(pieces: list[bytes], size: int) -> None:
    whole = b"".join(pieces)
    cut = [whole[place : place + size] for place in range(0, len(whole), size)]
    assert list(raw_lines(cut)) == list(raw_lines([whole]))


@pytest.mark.parametrize("text", ["a" * 300_000, "a:1:" * 70_000, " " * 300_000, "Error" * 60_000, "[" * 300_000])
def test_no_line_is_slow(text: str) -> None:
    began = time.process_time()
    told(text)
    assert time.process_time() - began < 0.1
