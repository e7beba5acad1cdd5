"""What a finished test command means, with and without a report that can be read."""

import json
from collections.abc import Mapping

import pytest

from repo_agent_dagster.pathways.suites.detection import TestCommand
from repo_agent_dagster.pathways.suites.reporting import Selection, missing_tool
from repo_agent_dagster.pathways.suites.running import interpret
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.sandbox.spec import ExecResult

PYTEST = TestCommand("python", ("pytest",), "pytest", "", "pytest")
NODE = TestCommand("node", ("npm", "test"), "npm test", "", "node:test", script="node --test")
NPM = TestCommand("node", ("npm", "test"), "npm test", "", "npm", script="./run.sh")
CUSTOM = TestCommand("custom", ("bash",), "make", "", script="make")
GREEN = b'<testsuite><testcase name="a"/></testsuite>'
RED = b'<testsuite><testcase name="b"><failure message="no"/></testcase></testsuite>'
NODE_GREEN = b'{"case": "a.test.js::x", "outcome": "passed"}\n{"ended": true}\n'


def run(
    command: TestCommand,
    exit_code: int | None,
    files: Mapping[str, bytes] | str,
    *,
    output: str = "some output",
    only: tuple[str, ...] | None = None,
) -> TestRun:
    result = ExecResult(command.argv, exit_code, 2.0, exit_code is None, False, output, output, "id")
    return interpret(command, result, files, root="/workspace/repo", selection=Selection(only))


def test_a_report_is_believed_over_the_exit_code() -> None:
    read = run(PYTEST, 1, {"pytest.xml": RED})

    assert (read.source, read.count("failed"), read.broke_down, read.note) == ("junit", 1, False, "")
    assert read.doubts == ()


def test_a_missing_report_leaves_the_exit_code_and_is_a_reason_for_doubt() -> None:
    read = run(PYTEST, 3, {})

    assert (read.source, read.cases, read.broke_down) == ("exit_code", (), True)
    assert read.note == "no report was left"
    assert read.doubts == ("its report is missing or cannot be read: no report was left",)


def test_reports_that_cannot_be_taken_say_why() -> None:
    read = run(PYTEST, 0, "it holds a link")

    assert read.note == "the reports cannot be taken: it holds a link"


def test_a_broken_report_leaves_the_exit_code_and_says_why() -> None:
    read = run(PYTEST, 0, {"pytest.xml": b"<testsuite>"})

    assert read.source == "exit_code"
    assert "not well-formed" in read.note
    assert read.doubts


def test_the_reports_of_two_runners_are_put_together() -> None:
    read = run(CUSTOM, 1, {"pytest-1.xml": RED, "node-2.jsonl": NODE_GREEN})

    assert ([case.id for case in read.cases], read.source) == (["a.test.js::x", "b"], "report")


def test_a_broken_report_beside_a_good_one_is_told() -> None:
    read = run(CUSTOM, 0, {"pytest.xml": GREEN, "node-1.jsonl": b"nonsense\n"})

    assert read.source == "junit"
    assert "no JSON" in read.note
    assert read.doubts == (read.note,)


def test_a_script_of_no_known_runner_is_judged_by_its_exit_code() -> None:
    read = run(NPM, 0, {})

    assert (read.source, read.ran_something, read.doubts) == ("exit_code", True, ())
    assert "not known" in read.note


def test_tap_that_is_printed_is_a_report() -> None:
    read = run(NPM, 1, {}, output="TAP version 13\nok 1 adds\nnot ok 2 bad\n1..2\n")

    assert (read.source, [(case.id, case.outcome) for case in read.cases]) == (
        "output",
        [("adds", "passed"), ("bad", "failed")],
    )


@pytest.mark.parametrize(
    ("command", "exit_code", "files"),
    [
        (PYTEST, 5, {"pytest.xml": b"<testsuites/>"}),
        (PYTEST, 5, {}),
        (NODE, 0, {"node-1.jsonl": b'{"ended": true}\n'}),
        (CUSTOM, 5, {"pytest.xml": b"<testsuites/>"}),
        (PYTEST, 5, {"pytest.xml": b'<testsuite><testcase name="a"><skipped/></testcase></testsuite>'}),
    ],
)
def test_a_runner_that_finds_no_test_is_recognised(
    command: TestCommand, exit_code: int, files: dict[str, bytes]
) -> None:
    read = run(command, exit_code, files)

    assert read.nothing_to_run
    assert not read.ran_something


def test_an_empty_report_of_a_failed_command_is_a_breakdown() -> None:
    read = run(NODE, 1, {"node-1.jsonl": b""})

    assert read.broke_down
    assert read.ran_something
    assert read.doubts == ("the command ended with exit code 1, but no test in its report failed",)


@pytest.mark.parametrize(
    ("files", "output", "said"),
    [
        ({"pytest-1.xml": GREEN, "pytest-1.jsonl": b'{"collected": 3}\n'}, "", "has 1 of the 3 tests"),
        ({"pytest.xml": b'<testsuite tests="2"><testcase name="a"/></testsuite>'}, "", "has 1 of the 2 tests"),
        ({"node-1.jsonl": NODE_GREEN.splitlines(keepends=True)[0]}, "", "breaks off"),
        ({"pytest.xml": RED}, "", "exit code 0, but 1 tests"),
        ({"pytest.xml": GREEN}, "1 passed in 0.1s\n== 2 passed in 0.2s ==\n", "ran 2 times and left 1"),
    ],
    ids=["fewer than collected", "fewer than announced", "cut off", "failed and yet 0", "overwritten"],
)
def test_a_green_run_whose_report_tells_less_is_doubted(files: dict[str, bytes], output: str, said: str) -> None:
    (doubt, *_) = run(CUSTOM, 0, files, output=output).doubts

    assert said in doubt


def test_a_run_that_stops_at_its_first_failure_is_believed() -> None:
    assert run(PYTEST, 1, {"pytest-1.xml": RED, "pytest-1.jsonl": b'{"collected": 3}\n'}).doubts == ()


def test_of_chosen_tests_exactly_these_are_told_and_the_others_failures_are_none_of_them() -> None:
    lines = [{"case": "a.js::x", "outcome": "passed"}, {"case": "a.js::y", "outcome": "failed"}, {"ended": True}]
    report = "".join(f"{json.dumps(line)}\n" for line in lines).encode()

    read = run(NODE, 1, {"node-1.jsonl": report}, only=("a.js::x",))

    assert ([case.id for case in read.cases], read.exit_code, read.doubts) == (["a.js::x"], 0, ())


def test_coverage_tells_of_the_clones_own_files_alone() -> None:
    lcov = b"SF:lib.py\nDA:1,2\nDA:2,0\nend_of_record\nSF:/usr/lib/x.py\nDA:1,1\nend_of_record\n"

    assert run(PYTEST, 0, {"pytest.xml": GREEN, "pytest.lcov": lcov}).coverage == {"lib.py": {1: 2, 2: 0}}


@pytest.mark.parametrize(
    ("runner", "output", "tool"),
    [
        ("vitest", "> vitest run\n\nsh: 1: vitest: not found\n", "vitest"),
        ("jest", 'npm error npx canceled due to missing packages and no YES option: ["jest@30"]\n', "jest"),
        ("pytest", "/home/agent/venv/bin/python3: No module named pytest\n", "pytest"),
        ("pytest", "E   ModuleNotFoundError: No module named 'pytest_asyncio'\n", ""),
        ("playwright", "Error: browserType.launch: Executable doesn't exist at /x\n", "a browser of playwright"),
        ("mocha", "  1) finds a file:\n     Error: readme not found\n", ""),
    ],
)
def test_a_tool_that_is_not_installed_is_recognised_by_what_is_printed(runner: str, output: str, tool: str) -> None:
    assert missing_tool(runner, output) == tool


def test_the_summary_keeps_the_end_of_the_output_and_survives_nul_characters() -> None:
    summary = run(PYTEST, None, {}, output=f"{'x' * 10_000}end\0").summary()

    assert summary.output_tail.endswith("end\ufffd")
    assert len(summary.output_tail) == 6000
    assert summary.timed_out
