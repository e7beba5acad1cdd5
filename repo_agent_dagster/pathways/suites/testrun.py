"""One run of a test command, test by test. Plain data: who ran it and what it means are elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from repo_agent_dagster.contracts.suites import LISTED_TESTS, CaseResult, FailingTest, Outcome, RunSource, RunSummary

__all__ = ["OUTCOMES", "FileCoverage", "Outcome", "TestCase", "TestRun", "case_results", "suite_of"]

OUTPUT_TAIL_CHARACTERS = 6000

OUTCOMES: Mapping[str, Outcome] = {"passed": "passed", "failed": "failed", "error": "error", "skipped": "skipped"}

FileCoverage = Mapping[int, int]
"""How often each line of a file was come by; lines that hold no code are not in it."""


@dataclass(frozen=True)
class TestCase:
    """One test. `id` is `file::class::name` where the runner tells the file.

    `message` is the first part of the failure's text, empty for a test that passed. `is_file`: the runner reports a
    whole file (or a group of tests in it), whose id is its path, because it could not be loaded. `suite` is the file,
    class or package that holds the test.
    """

    __test__ = False  # not a test class, though pytest collects classes by this name

    id: str
    outcome: Outcome
    message: str = ""
    is_file: bool = False
    duration_seconds: float | None = None
    suite: str = ""


@dataclass(frozen=True)
class TestRun:
    """What one run of the test command gave.

    `source` says what `cases` come from; with `exit_code` they are empty and `note` says why. `exit_code` is None after
    a time-out. `nothing_to_run`: the runner said that it found no test. `doubts` are reasons not to believe the
    report, each a sentence's end: none is the rule. `collected` is how many tests the runner said it would run.
    `coverage` holds lines' hits by file, None where it was not asked for or not told. `reports` are the runner's files.
    `runner` has what was changed of the runner while it ran and which plugins had a say in outcomes; None: not looked.
    """

    __test__ = False

    command: str
    exit_code: int | None
    timed_out: bool
    duration_seconds: float
    cases: tuple[TestCase, ...]
    source: RunSource
    note: str = ""
    nothing_to_run: bool = False
    output: str = ""
    doubts: tuple[str, ...] = ()
    collected: int | None = None
    coverage: Mapping[str, FileCoverage] | None = None
    runner: frozenset[str] | None = None
    reports: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def count(self, outcome: Outcome) -> int:
        """Return the number of tests with this outcome."""
        return sum(case.outcome == outcome for case in self.cases)

    @property
    def failing(self) -> tuple[TestCase, ...]:
        """The tests that failed or could not run."""
        return tuple(case for case in self.cases if case.outcome in ("failed", "error"))

    @property
    def broke_down(self) -> bool:
        """Whether the command failed although no test in the report did: a crash, a usage error, no report."""
        return self.exit_code != 0 and not self.failing and not self.nothing_to_run and not self.timed_out

    @property
    def ran_something(self) -> bool:
        """Whether at least one test was carried out, as far as one can tell."""
        if self.source == "exit_code":
            return not self.nothing_to_run
        return self.broke_down or any(case.outcome != "skipped" for case in self.cases)

    def summary(self) -> RunSummary:
        """Return the run as it is stored: counts, the failing tests, and the end of the output."""
        return RunSummary(
            total=len(self.cases),
            passed=self.count("passed"),
            failed=self.count("failed"),
            errors=self.count("error"),
            skipped=self.count("skipped"),
            exit_code=self.exit_code,
            timed_out=self.timed_out,
            duration_seconds=round(self.duration_seconds, 3),
            source=self.source,
            note=self.note,
            doubts=list(self.doubts),
            collected=self.collected,
            failing=[
                FailingTest(id=case.id, outcome="error" if case.outcome == "error" else "failed", message=case.message)
                for case in self.failing[:LISTED_TESTS]
            ],
            # PostgreSQL's JSONB has no NUL character.
            output_tail=self.output[-OUTPUT_TAIL_CHARACTERS:].replace("\0", "\N{REPLACEMENT CHARACTER}"),
        )


def case_results(run: TestRun, *, suite: str = "") -> list[CaseResult]:
    """Return a run's tests as they are stored; `suite` stands where a test's own is not known."""
    return [
        CaseResult(
            suite=case.suite or suite_of(case.id) or suite,
            case=case.id,
            outcome=case.outcome,
            duration_seconds=case.duration_seconds,
            message=case.message,
        )
        for case in run.cases
    ]


def suite_of(case_id: str) -> str:
    """Return the file or class that an id names before its test; a file that did not load holds itself."""
    before, separator, _name = case_id.rpartition("::")
    return before if separator else case_id
