"""A proxy's answer, read row by row."""

import io
import json
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.ops.sources.answers import AnswerReader, BrokenAnswer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


class Trickle(io.BytesIO):
    """Gives a few bytes at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self._size = size

    def read(self, _size: int | None = -1) -> bytes:
        return super().read(self._size)


def read(content: bytes, size: int = 10**6) -> tuple[list[Any], dict[str, Any]]:
    reader = AnswerReader(Trickle(content, size))
    return list(reader.rows()), reader.fields


@settings(max_examples=40)
@given(st.lists(JSON, max_size=5), st.dictionaries(st.text(max_size=4), JSON, max_size=3), st.integers(1, 9))
def test_the_rows_are_those_of_the_json_however_it_comes(rows: list[Any], others: dict[str, Any], size: int) -> None:
    others.pop("logs", None)
    content = json.dumps({**others, "logs": rows, "next_cursor": "c"}, ensure_ascii=False).encode("utf-8", "replace")
    expected = json.loads(content)
    assert read(content, size) == (expected.pop("logs"), expected)


@given(st.binary(max_size=60))
def test_anything_else_is_broken_or_has_no_rows(content: bytes) -> None:
    with suppress(BrokenAnswer):
        read(content, 7)


def test_the_rows_before_a_break_are_read() -> None:
    content = json.dumps({"logs": [{"n": 1}, {"n": 2}, {"n": 3}], "next_cursor": "c"}).encode()
    rows = AnswerReader(io.BytesIO(content[:-30])).rows()
    assert [next(rows), next(rows)] == [{"n": 1}, {"n": 2}]
    with pytest.raises(BrokenAnswer, match="ends in the middle"):
        next(rows)


def test_the_memory_does_not_grow_with_the_answer() -> None:
    row = json.dumps({"worker": "shop", "message": "m" * 200}).encode()
    content = b'{"logs": [' + b",".join([row] * 20_000) + b"]}"
    tracemalloc.start()
    try:
        count = sum(1 for _ in AnswerReader(io.BytesIO(content)).rows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 4_000_000
