"""When a run's report is not believed."""

from dataclasses import replace

import pytest

from repo_agent_dagster.pathways.suites.reports.reading import read_reports
from repo_agent_dagster.pathways.suites.testrun import TestCase, TestRun
from repo_agent_dagster.pathways.validation.trust import doubts

GREEN = TestRun(
    "pytest", 0, False, 1.0, (TestCase("a", "passed"),), "junit", runner=frozenset({"ended pytest", "hook x of plugin"})
)
RED = replace(GREEN, exit_code=1, cases=(TestCase("a", "failed"),))


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (replace(GREEN, exit_code=1), "exit code 1, but no test in its report failed"),
        (replace(RED, exit_code=0), "exit code 0, but 1 tests in its report failed"),
        (replace(GREEN, source="exit_code", cases=(), note="none was left"), "no report that tells its tests apart"),
        (replace(GREEN, doubts=("it breaks off",)), "it breaks off"),
        (replace(GREEN, runner=None), "did not come to its end"),
        (
            replace(GREEN, runner=frozenset({"ended pytest", "changed _pytest.runner.f"})),
            "meddled with while it ran: changed _pytest",
        ),
    ],
)
def test_what_does_not_agree_is_told(run: TestRun, said: str) -> None:
    assert said in "; ".join(doubts(run, RED))


def test_what_was_so_without_the_patch_is_no_doubt() -> None:
    patched_by_a_plugin = frozenset({"ended pytest", "changed _pytest.runner.f"})

    assert doubts(GREEN, RED) == []
    assert doubts(replace(GREEN, runner=patched_by_a_plugin), replace(RED, runner=patched_by_a_plugin)) == []
    assert doubts(replace(GREEN, runner=None), replace(RED, runner=None)) == []


def test_a_run_that_was_stopped_or_found_nothing_is_judged_for_that() -> None:
    assert doubts(replace(GREEN, timed_out=True, exit_code=None, cases=()), RED) == []
    assert doubts(replace(GREEN, nothing_to_run=True, exit_code=5, cases=(), runner=None), RED) == []


def test_what_became_of_the_runner_is_read_from_beside_its_report() -> None:
    xml = b"<testsuite><testcase classname='m' name='a' file='m.py'/></testsuite>"
    tally = b'{"collected": 1}\n{"runner": ["changed _pytest.runner.f", 7]}\n'

    reports = read_reports({"pytest-1-0.xml": xml, "pytest-1-0.jsonl": tally}, root="/clone")

    assert reports.runner == {"changed _pytest.runner.f", "7"}
    assert read_reports({"pytest-1-0.xml": xml}, root="/clone").runner is None
    meddled = {"runner-7.jsonl": b'{"runner": ["changed node:assert.equal"]}\n'}
    assert read_reports(meddled, root="/clone").runner == {"changed node:assert.equal"}
