"""One suite run one or more times: what its runs say together. Pure but for `run_suite`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from repo_agent_dagster.contracts.suites import LISTED_TESTS, CaseResult
from repo_agent_dagster.contracts.testing import SuiteResult
from repo_agent_dagster.pathways.suites.finding import Suite
from repo_agent_dagster.pathways.suites.reporting import Shard, missing_tool
from repo_agent_dagster.pathways.suites.running import run_tests
from repo_agent_dagster.pathways.suites.testrun import FileCoverage, TestRun, case_results

if TYPE_CHECKING:
    from repo_agent_dagster.pathways.scripts import DeliveredScript
    from repo_agent_dagster.sandbox.sandbox import Sandbox

State = Literal["passed", "failed", "flaky", "no_tests", "timed_out", "untrusted", "not_run"]

SLOWEST = 10
LABEL_CHARACTERS = 64
SAID_CHARACTERS = 300

_UNSPLIT = frozenset({"go", "cargo", "tap"})


@dataclass(frozen=True)
class SuiteRuns:
    """A suite and its runs; none where it was not run, and `note` says why. `only`: the tests that were asked for."""

    suite: Suite
    runs: tuple[TestRun, ...] = ()
    note: str = ""
    only: tuple[str, ...] | None = None

    @property
    def flaky(self) -> tuple[str, ...]:
        """The tests that failed in some runs and passed in others, in the order of the runs."""
        passed = {case.id for run in self.runs for case in run.cases if case.outcome == "passed"}
        failed = dict.fromkeys(case.id for run in self.runs for case in run.failing)
        return tuple(test for test in failed if test in passed)

    @property
    def failing(self) -> tuple[str, ...]:
        """The tests that failed and passed in no run."""
        flaky = set(self.flaky)
        failed = dict.fromkeys(case.id for run in self.runs for case in run.failing)
        return tuple(test for test in failed if test not in flaky)

    @property
    def state(self) -> State:
        """What the runs come to. A test that fails in all of them weighs more than anything that cannot be told."""
        if not self.runs:
            return "not_run"
        if self.failing or self._fails_without_report:
            return "failed"
        if any(run.timed_out for run in self.runs):
            return "timed_out"
        if all(not run.ran_something for run in self.runs):
            return "no_tests"
        if any(run.doubts or run.broke_down or run.source == "exit_code" for run in self.runs):
            return "untrusted"
        return "flaky" if self.flaky else "passed"

    @property
    def _fails_without_report(self) -> bool:
        # Of a runner that tells nothing, the exit code is all there is: a failure is one, a success is not proved.
        return any(
            run.source == "exit_code" and run.exit_code not in (0, None) and not run.doubts and not run.nothing_to_run
            for run in self.runs
        )

    @property
    def coverage(self) -> dict[str, FileCoverage]:
        """Hits of lines by file, of the runs that were measured."""
        return {path: lines for run in self.runs for path, lines in (run.coverage or {}).items()}

    def result(self) -> SuiteResult:
        """Return the suite as the task's result has it."""
        return SuiteResult(
            name=self.suite.name,
            runner=self.suite.command.runner,
            side=self.suite.side,
            kind=self.suite.kind,
            command=self.suite.command.display,
            runs=[run.summary() for run in self.runs],
            flaky=list(self.flaky[:LISTED_TESTS]),
            slowest=slowest(self.runs),
            coverage=covered(self.coverage),
            note=self.note or next((run.note for run in self.runs if run.note), ""),
        )


def run_suite(
    box: "Sandbox",
    path: str,
    suite: Suite,
    *,
    repeat: int,
    timeout_seconds: float,
    shard: Shard | None = None,
    coverage: bool = False,
    only: Sequence[str] | None = None,
    harness: "DeliveredScript | None" = None,
) -> SuiteRuns:
    """Run a suite of the clone at `path` up to `repeat` times; a run that does not end in time is the last one.

    A suite whose runner cannot be split belongs to one shard as a whole.
    """
    chosen = None if only is None else tuple(only)
    if suite.missing:
        return SuiteRuns(suite, note=f"{suite.missing} is not in the sandbox's image", only=chosen)
    if shard is not None and suite.command.runner in _UNSPLIT:
        if not _falls_to(shard, suite.name):
            return SuiteRuns(suite, note=f"it cannot be split, and belongs to another shard than {shard}", only=chosen)
        shard = None
    runs: list[TestRun] = []
    for number in range(repeat):
        run = run_tests(
            box,
            path,
            suite.command,
            timeout_seconds=timeout_seconds,
            only=only,
            harness=harness,
            shard=shard,
            coverage=coverage and number == 0,
        )
        if not run.count("passed") and (tool := missing_tool(suite.command.runner, run.output)):
            said = run.output.strip()[-SAID_CHARACTERS:]
            return SuiteRuns(replace(suite, missing=tool), note=f"{tool} is not installed: {said}", only=chosen)
        runs.append(run)
        if run.timed_out:
            break
    return SuiteRuns(suite, tuple(runs), only=chosen)


def run_label(suite: Suite, number: int) -> str:
    """Return what a run is called in the store: the suite's name, cut where it is long, and the run's number."""
    ending = f" run {number}"
    room = LABEL_CHARACTERS - len(ending)
    if len(suite.name) <= room:
        return f"{suite.name}{ending}"
    digest = hashlib.sha256(suite.name.encode()).hexdigest()[:8]
    return f"{suite.name[: room - 10]}… {digest}{ending}"


def slowest(runs: Sequence[TestRun]) -> list[CaseResult]:
    """Return the tests that took longest in the first run of each suite, the slowest first."""
    timed = [case for run in runs[:1] for case in case_results(run) if case.duration_seconds is not None]
    return sorted(timed, key=lambda case: case.duration_seconds or 0.0, reverse=True)[:SLOWEST]


def covered(coverage: dict[str, FileCoverage]) -> float | None:
    """Return the per cent of lines that were come by; None where nothing was measured."""
    lines = sum(len(hits) for hits in coverage.values())
    if not lines:
        return None
    return round(100 * sum(hit > 0 for hits in coverage.values() for hit in hits.values()) / lines, 2)


def _falls_to(shard: Shard, name: str) -> bool:
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % shard.parts + 1 == shard.part
