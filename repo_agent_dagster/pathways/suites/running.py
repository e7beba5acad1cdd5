"""Run the test command in the sandbox and read what it reports."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.pathways.setup.environment import TEST_ENVIRONMENT
from repo_agent_dagster.pathways.suites.detection import SCRATCH, TestCommand
from repo_agent_dagster.pathways.suites.junit import MAX_REPORT_BYTES, ReportUnreadable, parse_junit
from repo_agent_dagster.pathways.suites.testrun import TestCase, TestRun
from repo_agent_dagster.sandbox.spec import ExecResult, SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

PYTEST_COLLECTED_NOTHING = 5
PREPARATION_SECONDS = 60


class ScratchUnwritable(PermanentFault):
    """The folder for reports cannot be made in the sandbox."""


def run_tests(box: "Sandbox", path: str, command: TestCommand, *, timeout_seconds: float) -> TestRun:
    """Run the tests of the clone at `path`; failing, crashing or hanging ones are told in the result, not raised.

    Raises:
        ScratchUnwritable: the sandbox's disk is full or its folders were taken away.
    """
    clear = ["bash", "-c", 'rm -rf -- "$1" && mkdir -p -- "$1"', "clear", SCRATCH]
    cleared = box.exec(clear, timeout_seconds=PREPARATION_SECONDS)
    if not cleared.ok:
        raise ScratchUnwritable(f"cannot make {SCRATCH} in the sandbox: {cleared.output.strip()}")
    env = {**TEST_ENVIRONMENT, **command.env}
    result = box.exec(command.argv, cwd=path, env=env, timeout_seconds=timeout_seconds)
    reports: dict[str, bytes | str] = {}
    for report in command.junit_paths:
        try:
            reports[report] = box.get(report, max_bytes=MAX_REPORT_BYTES)
        except SandboxFileError as error:
            reports[report] = str(error)
    return interpret(command, result, reports, root=path)


def interpret(command: TestCommand, result: ExecResult, reports: Mapping[str, bytes | str], *, root: str) -> TestRun:
    """Make a run out of a command's result and its reports (path → content, or why there is none). Pure."""
    cases: list[TestCase] = []
    problems: list[str] = []
    readable = 0
    for report in reports.values():
        if isinstance(report, str):
            problems.append(f"no JUnit report was left: {report}")
            continue
        try:
            cases += parse_junit(report, root=root)
            readable += 1
        except ReportUnreadable as error:
            # One that is there and broken is worth telling even where another one could be read.
            problems.insert(0, str(error))
    if not reports:
        problems.append("package.json's test script chooses its own reporters, so there is no JUnit report")
    broken = readable and problems and not problems[0].startswith("no JUnit report")
    empty_handed = result.exit_code == PYTEST_COLLECTED_NOTHING and (readable > 0 or command.ecosystem == "python")
    return TestRun(
        command=command.display,
        exit_code=result.exit_code,
        timed_out=result.timed_out,
        duration_seconds=result.duration_seconds,
        cases=tuple(cases),
        source="junit" if readable else "exit_code",
        note=problems[0] if problems and (not readable or broken) else "",
        nothing_to_run=not cases and (empty_handed or (readable > 0 and result.exit_code == 0)),
        output=result.output,
    )
