"""What a finished test command means, with and without a report that can be read."""

from collections.abc import Mapping

import pytest

from repo_agent_dagster.pathways.suites.detection import NODE_REPORT, PYTEST_REPORT, TestCommand
from repo_agent_dagster.pathways.suites.running import interpret
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.sandbox.spec import ExecResult

PYTEST = TestCommand("python", ("pytest",), "pytest", (PYTEST_REPORT,), "")
NPM = TestCommand("node", ("npm", "test"), "npm test", (NODE_REPORT,), "")
CUSTOM = TestCommand("custom", ("bash",), "make", (PYTEST_REPORT, NODE_REPORT), "")
GREEN = b'<testsuite><testcase name="a"/></testsuite>'
RED = b'<testsuite><testcase name="b"><failure message="no"/></testcase></testsuite>'


def run(
    command: TestCommand, exit_code: int | None, reports: Mapping[str, bytes | str], *, timed_out: bool = False
) -> TestRun:
    result = ExecResult(command.argv, exit_code, 2.0, timed_out, False, "some output", "some output", "id")
    return interpret(command, result, reports, root="/workspace/repo")


def test_a_report_is_believed_over_the_exit_code() -> None:
    read = run(PYTEST, 1, {PYTEST_REPORT: RED})

    assert (read.source, read.count("failed"), read.broke_down, read.note) == ("junit", 1, False, "")


def test_a_missing_report_leaves_the_exit_code_and_says_why() -> None:
    read = run(PYTEST, 3, {PYTEST_REPORT: "it is missing"})

    assert (read.source, read.cases, read.broke_down) == ("exit_code", (), True)
    assert read.note == "no JUnit report was left: it is missing"


def test_a_broken_report_leaves_the_exit_code_and_says_why() -> None:
    read = run(PYTEST, 0, {PYTEST_REPORT: b"<testsuite>"})

    assert read.source == "exit_code"
    assert "not well-formed" in read.note


def test_the_reports_of_two_runners_are_put_together() -> None:
    read = run(CUSTOM, 1, {PYTEST_REPORT: GREEN, NODE_REPORT: RED})

    assert [case.id for case in read.cases] == ["a", "b"]


def test_one_of_two_possible_reports_is_enough() -> None:
    read = run(CUSTOM, 0, {PYTEST_REPORT: GREEN, NODE_REPORT: "missing"})

    assert (read.source, read.note) == ("junit", "")


def test_a_broken_report_beside_a_good_one_is_told() -> None:
    read = run(CUSTOM, 0, {PYTEST_REPORT: GREEN, NODE_REPORT: b"<"})

    assert read.source == "junit"
    assert "not well-formed" in read.note


def test_a_script_with_its_own_reporters_is_judged_by_its_exit_code() -> None:
    read = run(NPM, 0, {})

    assert (read.source, read.ran_something) == ("exit_code", True)
    assert "its own reporters" in read.note


@pytest.mark.parametrize(
    ("command", "exit_code", "reports"),
    [
        (PYTEST, 5, {PYTEST_REPORT: b"<testsuites/>"}),
        (PYTEST, 5, {PYTEST_REPORT: "missing"}),
        (NPM, 0, {NODE_REPORT: b"<testsuites></testsuites>"}),
        (CUSTOM, 5, {PYTEST_REPORT: b"<testsuites/>", NODE_REPORT: "missing"}),
    ],
)
def test_a_runner_that_finds_no_test_is_recognised(
    command: TestCommand, exit_code: int, reports: dict[str, bytes | str]
) -> None:
    read = run(command, exit_code, reports)

    assert read.nothing_to_run
    assert not read.ran_something


def test_an_empty_report_of_a_failed_command_is_a_breakdown() -> None:
    read = run(NPM, 1, {NODE_REPORT: b"<testsuites></testsuites>"})

    assert read.broke_down
    assert read.ran_something


def test_the_summary_keeps_the_end_of_the_output_and_survives_nul_characters() -> None:
    result = ExecResult((), None, 2.0, True, False, f"{'x' * 10_000}end\0", "", "id")

    summary = interpret(PYTEST, result, {PYTEST_REPORT: "missing"}, root="/").summary()

    assert summary.output_tail.endswith("end\ufffd")
    assert len(summary.output_tail) == 6000
    assert summary.timed_out
