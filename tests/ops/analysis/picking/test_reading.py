"""A raw log file as lines: the forms that are known, and what is bounded."""

import json

from repo_agent_dagster.contracts.logs import LogLevel
from repo_agent_dagster.ops.analysis.model import Place
from repo_agent_dagster.ops.analysis.picking import failures_of, reading, text_log

PLACE = Place("build", "acme/shop")


def test_times_and_steps_of_actions_are_read():
    log = text_log(
        "\ufeff2026-03-04T02:00:00.1234567Z ##[group]Run npm ci\r\n"
        "2026-03-04T02:00:01.0000000Z \x1b[31mred\x1b[0m\r\n"
        "2026-03-04T02:00:02.0000000Z Post job cleanup.\n",
        PLACE,
        "file",
    )

    assert [(line.number, line.text, line.step) for line in log.lines] == [
        (1, "##[group]Run npm ci", "Run npm ci"),
        (2, "red", "Run npm ci"),
        (3, "Post job cleanup.", "Post job cleanup"),
    ]
    assert log.lines[0].ts is not None
    assert log.lines[0].ts.isoformat() == "2026-03-04T02:00:00.123456+00:00"


def test_the_columns_of_gh_run_view_are_read():
    log = text_log("test\tRun pytest\t2026-03-04T02:00:00.0000000Z ##[error]no tests\n", PLACE, "file")

    assert (log.lines[0].step, log.lines[0].text) == ("Run pytest", "##[error]no tests")


def test_sections_of_gitlab_are_steps_and_the_jobs_last_word_belongs_to_its_script():
    log = text_log(
        "section_start:1700000000:step_script\r\x1b[0K\x1b[36;1mRunning\x1b[0m\n"
        "$ ./check.sh\n"
        "Error: the schema is invalid\n"
        "section_end:1700000001:step_script\r\x1b[0K\n"
        "section_start:1700000002:cleanup_file_variables\r\x1b[0KCleaning up\n"
        "section_end:1700000003:cleanup_file_variables\r\x1b[0K\n"
        "ERROR: Job failed: exit code 7\n",
        PLACE,
        "file",
    )

    (failure,) = failures_of(log)

    assert (failure.headline, failure.exit_code) == ("Error: the schema is invalid", 7)
    assert (failure.place.step, failure.command) == ("step_script", "./check.sh")


def test_the_stack_that_a_logger_keeps_beside_its_message_is_read():
    error = {"stack": "Error: in use\n    at f (/srv/a.js:1:2)"}
    row = {"level": 50, "time": 1762222269441, "msg": "cannot bind", "err": error}

    (failure,) = failures_of(text_log(json.dumps(row), PLACE, "file"))

    assert (failure.headline, failure.level) == ("cannot bind", LogLevel.ERROR)
    assert [str(anchor) for anchor in failure.anchors] == ["/srv/a.js:1:2"]


def test_bytes_in_pieces_are_read_like_one_text():
    text = "eins ✓\nzwei\n\xff".encode() + b"\xff\xfe"
    whole = text_log(text, PLACE, "file")

    pieces = text_log((text[index : index + 1] for index in range(len(text))), PLACE, "file")

    assert pieces == whole
    assert whole.lines[-1].text.endswith("\ufffd\ufffd")


def test_json_lines_of_a_worker_make_a_workers_log():
    rows = [
        {"ts": "2026-03-04T02:00:00Z", "worker": "edge", "level": "warn", "message": "cache miss"},
        {
            "ts": "2026-03-04T02:00:01Z",
            "worker": "edge",
            "level": "error",
            "message": "TypeError: x\n    at f (a.js:1:2)",
        },
        {"ScriptName": "edge", "EventTimestampMs": 1772627696789, "Outcome": "exceededCpu"},
    ]

    log = text_log("\n".join(map(json.dumps, rows)), PLACE, "file")
    failures = failures_of(log)

    assert (log.place.kind, log.place.name) == ("worker", "edge")
    assert [failure.headline for failure in failures] == ["TypeError: x", "worker invocation ended: exceededCpu"]
    assert [line.number for line in failures[0].lines] == [2, 2]
    assert failures[0].level == LogLevel.ERROR


def test_warnings_of_a_worker_count_where_nothing_is_worse():
    row = {"ts": "2026-03-04T02:00:00Z", "worker": "edge", "level": "warn", "message": "cache miss"}

    (failure,) = failures_of(text_log(json.dumps(row), PLACE, "file"))

    assert (failure.headline, failure.level) == ("cache miss", LogLevel.WARN)


def test_of_a_log_that_is_too_long_head_and_tail_are_kept(monkeypatch):
    monkeypatch.setattr(reading, "MAX_LINES", 10)

    log = text_log("\n".join(f"line {number}" for number in range(1, 101)), PLACE, "file")

    assert [line.number for line in log.lines] == [1, 2, 3, 4, 5, 6, 96, 97, 98, 99, 100]
    assert log.lines[5].text == "… [90 lines left out]"


def test_a_line_that_is_too_long_is_cut_with_a_mark():
    (line,) = text_log("x" * 1_000_000, PLACE, "file").lines

    assert len(line.text) < 4100
    assert line.text.endswith("more characters]")
