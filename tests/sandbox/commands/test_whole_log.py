"""The whole log of a chatty command: bounded, compressed, gone when it is closed."""

from datetime import UTC, datetime

import zstandard

from repo_agent_dagster.sandbox.commands.output import OutputLine
from repo_agent_dagster.sandbox.commands.whole_log import LAST_LINES, WholeLog

AT = datetime(2026, 3, 4, 5, 6, 7, 8900, tzinfo=UTC)


def lines(*texts: str) -> list[OutputLine]:
    return [OutputLine("stderr", text, AT, number) for number, text in enumerate(texts, 1)]


def test_lines_are_written_with_their_time_and_stream() -> None:
    log = WholeLog()
    log.write_stored(lines("one"))
    log.write(lines("two", ""))

    with zstandard.open(log.finish(), "rt") as file:
        assert file.read() == (
            "2026-03-04T05:06:07.008+00:00 stderr one\n"
            "2026-03-04T05:06:07.008+00:00 stderr two\n"
            "2026-03-04T05:06:07.008+00:00 stderr \n"
        )
    log.close()
    assert not log.path.exists()


def test_even_the_whole_log_ends_somewhere() -> None:
    log = WholeLog(limit_bytes=100)
    for _ in range(10):
        log.write(lines("x" * 60))

    with zstandard.open(log.finish(), "rt") as file:
        assert file.read().splitlines()[1:] == [
            f"2026-03-04T05:06:07.008+00:00 stderr {'x' * 60}",
            "[cut after 196 bytes]",
        ]
    log.close()


def test_the_last_lines_are_at_hand_and_the_others_counted() -> None:
    log = WholeLog()
    log.write_stored(lines("stored"))
    log.write(lines(*map(str, range(LAST_LINES * 3))))
    log.write(lines("end"))

    assert [line.text for line in log.last] == [*map(str, range(LAST_LINES * 2 + 1, LAST_LINES * 3)), "end"]
    assert log.left_out == LAST_LINES * 2 + 1
    log.close()


def test_of_long_last_lines_fewer_are_kept() -> None:
    log = WholeLog()
    log.write(lines(*["x" * 100_000] * 10))

    assert (len(log.last), log.left_out) == (2, 8)
    log.close()
