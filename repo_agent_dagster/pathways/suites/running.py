"""Run the test command in the sandbox and read what it reports."""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.pathways.setup.environment import TEST_ENVIRONMENT
from repo_agent_dagster.pathways.suites.detection import TestCommand
from repo_agent_dagster.pathways.suites.reporting import (
    Invocation,
    Selection,
    Shard,
    invoke,
    lacks_coverage,
    lost_plugin,
)
from repo_agent_dagster.pathways.suites.reports.reading import Reports, read_reports
from repo_agent_dagster.pathways.suites.reports.report import ReportUnreadable
from repo_agent_dagster.pathways.suites.reports.tap import looks_like_tap, parse_tap
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.sandbox.spec import ExecResult, SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.pathways.scripts import DeliveredScript
    from repo_agent_dagster.sandbox.sandbox import Sandbox

PYTEST_COLLECTED_NOTHING = 5
CLEANING_SECONDS = 60
KEPT_BYTES = 256 * 1024
MAX_REPORTS_BYTES = 64 * 1024 * 1024
MAX_REPORTS = 2000

_PYTEST_SESSION = re.compile(
    r"^(?:=+ )?(?:no tests ran|(?:\d+ (?:passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)(?:, )?)+)"
    r" in \d",
    re.MULTILINE,
)


class ScratchUnwritable(PermanentFault):
    """The folder for reports cannot be made in the sandbox."""


def run_tests(
    box: "Sandbox",
    path: str,
    command: TestCommand,
    *,
    timeout_seconds: float,
    only: Sequence[str] | None = None,
    shard: Shard | None = None,
    coverage: bool = False,
    root: str | None = None,
    harness: "DeliveredScript | None" = None,
) -> TestRun:
    """Run the tests of the clone at `path`; failing, crashing or hanging ones are told in the result, not raised.

    `only` names cases (with or without parameters) or files by their ids: exactly these are reported, and no more
    than their files are run where the runner lets itself be told; the exit code is then 0 if others alone failed.
    `root` is what ids are relative to, `path` by default. Reports go to a new folder outside the clone whose name
    nobody can guess. `harness` is ``test_harness.sh`` as it was delivered: with it, the programs that make runners
    report are checked in the sandbox before the command starts.

    Raises:
        ScratchUnwritable: the sandbox's disk is full or its folders were taken away.
    """
    selection = Selection(None if only is None else tuple(only), shard, coverage)

    def once(selection: Selection, *, with_plugin: bool = True) -> TestRun:
        return _run_once(box, path, command, selection, timeout_seconds, root or path, harness, with_plugin=with_plugin)

    run = once(selection)
    if lost_plugin(run.output):
        run = once(selection, with_plugin=False)
    if coverage and lacks_coverage(run.output):
        run = once(Selection(selection.only, shard))
    return run


def _run_once(
    box: "Sandbox",
    path: str,
    command: TestCommand,
    selection: Selection,
    timeout_seconds: float,
    root: str,
    harness: "DeliveredScript | None",
    *,
    with_plugin: bool,
) -> TestRun:
    scratch = f"/tmp/{token_hex(16)}"  # noqa: S108 - a folder of the sandbox, which has one user and ends with the task
    prepared: Invocation = invoke(command, selection, scratch=scratch, root=root, with_plugin=with_plugin)
    try:
        box.put(prepared.files, scratch)
    except SandboxFileError as error:
        raise ScratchUnwritable(f"cannot make a folder for reports in the sandbox: {error}") from error
    env = {**TEST_ENVIRONMENT, **prepared.env}
    where = posixpath.join(path, command.folder) if command.folder else path
    argv = prepared.argv if harness is None else tuple(harness.argv(scratch, *prepared.argv))
    result = box.exec(argv, cwd=where, env=env, timeout_seconds=timeout_seconds)
    try:
        files: Mapping[str, bytes] | str = box.get_tree(
            f"{scratch}/reports", max_bytes=MAX_REPORTS_BYTES, max_files=MAX_REPORTS
        )
    except SandboxFileError as error:
        files = str(error)
    if isinstance(files, str) or sum(map(len, files.values())) > KEPT_BYTES:
        # Small ones stay until the sandbox ends: removing them costs as much as a short test.
        box.exec(["rm", "-rf", "--", scratch], cwd="/", timeout_seconds=CLEANING_SECONDS)
    return interpret(command, result, files, root=root, selection=selection)


def interpret(
    command: TestCommand,
    result: ExecResult,
    files: Mapping[str, bytes] | str,
    *,
    root: str,
    selection: Selection | None = None,
) -> TestRun:
    """Make a run out of a command's result and its report files (or why there are none). Pure."""
    selection = selection or Selection()
    if isinstance(files, str):
        reports = Reports(problems=(f"the reports cannot be taken: {files}",))
    else:
        reports = read_reports(files, root=root)
    reports = _with_output(reports, command, result)
    cases = reports.cases
    note = reports.problems[0] if reports.problems and not reports.is_whole else ""
    if reports.source == "exit_code" and not note:
        note = "no report was left" if command.reports_itself else "its runner is not known, so there is no report"
        note += f"; {result.met_limit}" if result.met_limit else ""
    empty_handed = result.exit_code == PYTEST_COLLECTED_NOTHING and (
        reports.source != "exit_code" or command.ecosystem == "python"
    )
    ran_none = reports.source != "exit_code" and result.exit_code == 0 and not reports.problems
    run = TestRun(
        command=command.display,
        exit_code=result.exit_code,
        timed_out=result.timed_out,
        duration_seconds=result.duration_seconds,
        cases=cases,
        source=reports.source,
        note=note,
        nothing_to_run=(empty_handed and all(case.outcome == "skipped" for case in cases)) or (not cases and ran_none),
        output=result.output,
        collected=reports.collected,
        coverage={path: lines for path, lines in reports.coverage.items() if not path.startswith("/")} or None,
        runner=reports.runner,
        reports=reports.raw,
    )
    doubted = replace(run, doubts=tuple(_doubts(run, command, reports, result.met_limit)))
    return doubted if selection.only is None else _only(doubted, selection.only)


def _only(run: TestRun, ids: Sequence[str]) -> TestRun:
    """Leave out the tests that ran beside those that were asked for; a failure of one of them is no failure here."""
    wanted = set(ids)
    named = ((case, {case.id, case.id.split("[")[0], case.id.split("::")[0]}) for case in run.cases)
    cases = tuple(case for case, names in named if names & wanted)
    explained = run.exit_code not in (0, None) and bool(run.failing)
    kept = replace(run, cases=cases, collected=None)
    return replace(kept, exit_code=0) if explained and not kept.failing else kept


def _with_output(reports: Reports, command: TestCommand, result: ExecResult) -> Reports:
    """Read what was printed where no runner left a file, if it is TAP."""
    if reports.source != "exit_code" or command.ecosystem == "python" or not looks_like_tap(result.stdout):
        return reports
    try:
        report = parse_tap(result.stdout.encode())
    except ReportUnreadable as error:
        return reports.with_problem(str(error))
    return reports.with_report(report, "output")


def _doubts(run: TestRun, command: TestCommand, reports: Reports, met_limit: str) -> Iterator[str]:
    """Tell why the report should not be believed, the weightiest first."""
    if run.broke_down and run.source != "exit_code":
        cause = f" ({met_limit})" if met_limit else ""
        yield f"the command ended with exit code {run.exit_code}{cause}, but no test in its report failed"
    if run.exit_code == 0 and run.failing:
        yield f"the command ended with exit code 0, but {len(run.failing)} tests in its report failed"
    if run.source == "exit_code" and command.reports_itself and not run.nothing_to_run and not run.timed_out:
        yield f"its report is missing or cannot be read: {run.note}"
    elif reports.problems:
        yield reports.problems[0]
    if run.exit_code != 0 or run.source == "exit_code":
        return
    if run.collected is not None and len(run.cases) < run.collected:
        yield f"its report has {len(run.cases)} of the {run.collected} tests that were to be run"
    if not reports.ended:
        yield "its report breaks off before the end of the run"
    sessions = len(_PYTEST_SESSION.findall(run.output))
    if 0 < reports.pytest_sessions < sessions:
        yield f"pytest ran {sessions} times and left {reports.pytest_sessions} reports"
