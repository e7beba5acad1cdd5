"""Run tests again whose outcome differs: one that also passes on the code on which it failed is flaky, not repaired
or broken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.pathways.validation.comparing import Sighting

Run = Callable[[Sequence[str] | None], TestRun]
"""Runs the tests with these ids, or all of them, afresh."""


@dataclass(frozen=True)
class Reruns:
    """What the further runs showed: which tests are flaky, and how many runs there were."""

    flaky: frozenset[str]
    runs: int


def find_flaky(tests: frozenset[str], times: int, run: Run) -> Reruns:
    """Run tests that failed `times` more, alone, and tell which of them also pass.

    A test that passes each time alone may fail only together with others, every time: one more run of the whole suite
    decides. What a run does not tell of (it was stopped, or the test is not in its report) counts as failed.
    """
    if not tests or not times:
        return Reruns(frozenset(), 0)
    # A file that did not load is asked for by its name.
    asked = sorted(tests)
    passes = dict.fromkeys(asked, 0)
    for _ in range(times):
        outcomes = Sighting.of(run(asked)).tests
        for test in asked:
            passes[test] += outcomes.get(test) == "passed"
    always = [test for test in asked if passes[test] == times]
    flaky = {test for test in asked if 0 < passes[test] < times}
    if always:
        outcomes = Sighting.of(run(None)).tests
        flaky |= {test for test in always if outcomes.get(test) == "passed"}
    return Reruns(frozenset(flaky), times + bool(always))
