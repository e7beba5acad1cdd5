"""Frames in; masked, folded, numbered lines to the sink and the end of the text for the result."""

from datetime import UTC, datetime, timedelta

import pytest

from repo_agent_dagster.sandbox.commands.collecting import TAIL_CHARACTERS, Collector
from repo_agent_dagster.sandbox.commands.folding import REDRAW_SECONDS
from repo_agent_dagster.sandbox.commands.masking import Masker
from tests.sandbox.conftest import MemorySink

AT = datetime(2026, 3, 4, tzinfo=UTC)


def test_lines_of_both_streams_are_numbered_as_they_come(sink: MemorySink) -> None:
    collector = Collector("c", sink, clock=lambda: AT)

    collector.take([("stdout", b"one\ntw"), ("stderr", b"bad\n")])
    collector.take([("stdout", b"o\nthree")])
    collector.finish()

    assert [(line.seq, line.stream, line.text) for line in sink.lines] == [
        (1, "stdout", "one"), (2, "stderr", "bad"), (3, "stdout", "two"), (4, "stdout", "three"),
    ]  # fmt: skip
    assert {line.at for line in sink.lines} == {AT}
    assert (collector.output, collector.stdout) == ("one\nbad\ntwo\nthree", "one\ntwo\nthree")


def test_neither_the_sink_nor_the_result_sees_a_secret_that_comes_in_parts(sink: MemorySink) -> None:
    collector = Collector("c", sink, Masker([b"hunter2"]))

    for part in (b"password=hun", b"ter", b"2\nnext ", b"hunt"):
        collector.take([("stdout", part), ("stderr", b"h")])
    collector.finish()

    assert [line.text for line in sink.lines if line.stream == "stdout"] == ["password=***", "next hunt"]
    assert collector.stdout == "password=***\nnext hunt"
    assert "hunter2" not in collector.output


def test_a_progress_bar_is_folded_for_people_and_left_as_it_is_for_programs(sink: MemorySink) -> None:
    collector = Collector("c", sink, clock=lambda: AT)

    collector.take([("stdout", b"\r10%"), ("stdout", b"\r20%"), ("stdout", b"\r30%\r\n")])
    collector.finish()

    assert [line.text for line in sink.lines] == ["30%"]
    assert collector.output == "30%\r\n"
    assert collector.stdout == "\r10%\r20%\r30%\r\n"


def test_what_waits_is_passed_on_though_nothing_arrives(sink: MemorySink) -> None:
    times = [AT + timedelta(seconds=number * REDRAW_SECONDS) for number in range(4)]
    collector = Collector("c", sink, clock=iter(times).__next__)

    collector.take([("stdout", b"Continue? [y/N] ")])
    for _ in range(3):
        collector.take([])

    assert [line.text for line in sink.lines] == ["Continue? [y/N] "]


@pytest.mark.parametrize(("size", "cut"), [(TAIL_CHARACTERS, False), (TAIL_CHARACTERS + 1, True)])
def test_the_end_of_long_output_is_kept_and_a_cut_is_told(size: int, cut: bool) -> None:
    collector = Collector("c", None)

    data = b"ab" * (size // 2) + b"c" * (size % 2)
    for start in range(0, size, 1000):
        collector.take([("stdout", data[start : start + 1000])])
    collector.finish()

    assert collector.cut is cut
    assert collector.output == collector.stdout == data.decode()[-TAIL_CHARACTERS:]
