"""What became of each test: outcomes without the patch, with its tests alone, and with all of it. Pure.

A test counts as failing without the patch if it failed as the commit has it, or with the patch's tests alone. So a
new test can show a bug, and one that the patch merely rewrote so that it passes cannot show a repair.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from repo_agent_dagster.pathways.suites.testrun import Outcome, TestRun

_SEVERITY: dict[Outcome, int] = {"skipped": 0, "passed": 1, "error": 2, "failed": 3}

Outcomes = Mapping[str, Outcome]


@dataclass(frozen=True)
class Sighting:
    """The outcomes of one run by test, and the files that did not load, whose tests therefore could not run."""

    tests: Outcomes
    broken_files: frozenset[str] = frozenset()
    messages: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, run: TestRun) -> "Sighting":
        """Read a run; a test that is reported twice counts by its worst outcome."""
        tests: dict[str, Outcome] = {}
        messages: dict[str, str] = {}
        broken = set()
        for case in run.cases:
            if case.is_file and fails(case.outcome):
                broken.add(case.id)
            if case.id not in tests or _SEVERITY[case.outcome] > _SEVERITY[tests[case.id]]:
                tests[case.id] = case.outcome
                messages[case.id] = case.message
        return cls(tests, frozenset(broken), messages)

    @property
    def stopped(self) -> bool:
        """Whether files that did not load kept the runner from running anything, as pytest does by itself."""
        return bool(self.broken_files) and all(test in self.broken_files for test in self.tests)

    def outcome(self, test: str) -> Outcome | None:
        """Return a test's outcome: an error where its file did not load; None where it was not there."""
        if test in self.tests:
            return self.tests[test]
        return "error" if self.is_unloaded(test) else None

    def is_unloaded(self, test: str) -> bool:
        """Whether the test is of a file that did not load."""
        return any(test.startswith(f"{file}::") for file in self.broken_files)


@dataclass(frozen=True)
class Comparison:
    """Each test in its class. `fail_to_fail` has those that are skipped or gone, too: `unseen` names them.

    `rewritten` failed as the commit has them and pass with the patch's tests alone: the test was changed, no code was
    repaired. `proved` are tests that the patch brings and that fail without its source; `idle` those that pass anyway.
    `unreached` could not run on one side, because files that did not load stopped that run.
    """

    fail_to_pass: tuple[str, ...] = ()
    pass_to_pass: tuple[str, ...] = ()
    pass_to_fail: tuple[str, ...] = ()
    fail_to_fail: tuple[str, ...] = ()
    pass_to_skip: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    new_failing: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    proved: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()


def compare(
    before: Sighting, tests_only: Sighting | None, after: Sighting, flaky: frozenset[str] = frozenset()
) -> Comparison:
    """Put every test into its class; flaky ones are in `flaky` alone. Order: as the runs have them."""
    classes: dict[str, list[str]] = {name: [] for name in Comparison.__dataclass_fields__}
    for test in _tests(before, tests_only, after):
        if test in flaky:
            classes["flaky"].append(test)
            continue
        for name in _classes(test, before, tests_only, after):
            classes[name].append(test)
    return Comparison(**{name: tuple(tests) for name, tests in classes.items()})


def suspects(
    before: Sighting, tests_only: Sighting | None, after: Sighting
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the tests whose outcome differs, by the run in which they failed: before, tests only, after."""
    seen = compare(before, tests_only, after)
    repaired = frozenset(seen.fail_to_pass)
    in_before = frozenset(test for test in repaired if fails(before.tests.get(test)) or before.is_unloaded(test))
    return in_before, repaired - in_before, frozenset((*seen.pass_to_fail, *seen.new_failing))


def fails(outcome: Outcome | None) -> bool:
    """Whether the outcome is a failure or an error."""
    return outcome in ("failed", "error")


def _tests(*runs: Sighting | None) -> list[str]:
    """Return every test of any run once; a file that did not load only where no run knows tests of it."""
    known = dict.fromkeys(test for run in runs if run is not None for test in run.tests)
    spoken_for = {test.split("::")[0] for test in known if "::" in test}
    return [test for test in known if "::" in test or test not in spoken_for]


def _classes(test: str, before: Sighting, tests_only: Sighting | None, after: Sighting) -> list[str]:
    was, now = before.outcome(test), after.outcome(test)
    between = _between(test, was, tests_only)
    failed = fails(between) if between is not None else fails(was)
    found: list[str] = []
    if now is None and was is not None:
        found.append("unreached" if after.stopped else "gone")
    if now == "passed":
        if failed:
            found.append("fail_to_pass")
            if was is None:
                found.append("proved")
        elif fails(was):
            found += ["pass_to_pass", "rewritten"]
        elif was == "passed":
            found.append("pass_to_pass")
        else:
            found.append("new")
            if between == "passed":
                found.append("idle")
    elif fails(now):
        if was == "passed":
            found.append("pass_to_fail")
        elif fails(was) or (was is None and failed):
            found.append("fail_to_fail")
        elif was is None and before.stopped and between is None:
            # Whether it failed before, nobody knows: it counts as failing, not as broken by the patch.
            found += ["fail_to_fail", "unreached"]
        else:
            found += ["new", "new_failing"]
    elif fails(was):
        found += ["fail_to_fail", "unseen"]
    elif was == "passed" and now == "skipped":
        found.append("pass_to_skip")
    elif was is None and now is not None:
        found.append("new")
    return found


def _between(test: str, was: Outcome | None, tests_only: Sighting | None) -> Outcome | None:
    """Return the outcome with the patch's tests alone, where that run can tell of this test."""
    if tests_only is None:
        return None
    if test in tests_only.tests:
        return tests_only.tests[test]
    # The file did not load without the source: that says something of a test that is new, and nothing of an old one.
    return "error" if was is None and tests_only.is_unloaded(test) else None
