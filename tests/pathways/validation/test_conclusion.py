"""What the steps found, as the task's result."""

from dataclasses import replace

import pytest

from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.contracts.validation import ChangedCoverage, PatchedFile, PatchSummary
from repo_agent_dagster.contracts.validation import ValidationVerdict as Verdict
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.setup.opening import Checkout, Environment
from repo_agent_dagster.pathways.suites.detection import TestCommand
from repo_agent_dagster.pathways.suites.testrun import TestCase, TestRun
from repo_agent_dagster.pathways.validation.conclusion import Findings, conclusion

PAYLOAD = SolutionValidationPayload(repo_url="https://git.example/r.git", diff="…", subfolder="packages/web")
CHECKOUT = Checkout("/clone", "/clone/packages/web", "1234", "https://git.example/r.git")
COMMAND = TestCommand("python", ("pytest",), "pytest", "there are tests", "pytest")
DONE = SetupSummary(ok=True, ecosystem="python", commands=[], used_network=False, duration_seconds=0, note="nothing")
BROKEN = DONE.model_copy(update={"ok": False, "note": "no such wheel"})
READY = Environment(COMMAND, DONE, RepositoryFacts(frozenset()))
APPLIED = PatchSummary(kind="diff", applied=True, way="git apply", proof="it reverses")
BEFORE = TestRun("pytest", 1, False, 1.0, (TestCase("a", "failed", "no\0"),), "junit")
AFTER = TestRun("pytest", 0, False, 1.0, (TestCase("a", "passed"),), "junit")
FOUND = Findings(CHECKOUT, READY, BEFORE, APPLIED, after=AFTER)


@pytest.mark.parametrize(
    ("findings", "verdict", "said"),
    [
        (FOUND, Verdict.FIXED, "a failed without the patch's source and passes with it"),
        (
            Findings(CHECKOUT, replace(READY, command=None, setup=DONE.model_copy(update={"note": "none found"}))),
            Verdict.NO_TESTS,
            "None found.",
        ),
        (Findings(CHECKOUT, replace(READY, setup=BROKEN)), Verdict.SETUP_FAILED, "no such wheel"),
        (
            replace(FOUND, after=None, patched_setups=(DONE, BROKEN)),
            Verdict.SETUP_FAILED,
            "With the patch, which changes",
        ),
        (
            replace(
                FOUND,
                after=None,
                patch=PatchSummary(kind="diff", applied=False, problem="already_applied", message="it is there"),
            ),
            Verdict.DOES_NOT_APPLY,
            "(already applied): it is there.",
        ),
    ],
    ids=["all went well", "no command", "set-up failed", "set-up with the patch failed", "patch rejected"],
)
def test_a_step_that_could_not_be_taken_is_the_verdict(findings: Findings, verdict: Verdict, said: str) -> None:
    result = conclusion(findings, PAYLOAD)

    assert result.verdict is verdict
    assert said in result.reasons[0]
    assert result.subfolder == "packages/web"


def test_files_that_were_put_back_are_told_with_what_to_do() -> None:
    changes = [PatchedFile(path="conftest.py", change="added", role="runner_configuration", restored=True)]

    result = conclusion(replace(FOUND, patch=APPLIED.model_copy(update={"changes": changes})), PAYLOAD)

    assert "judged: conftest.py. Name them in test_files if the change belongs to the fix." in result.reasons[1]
    assert result.reasons[2] == "The patch was applied by git apply: it reverses."


def test_coverage_is_of_the_changed_lines_that_hold_code() -> None:
    hits = {"app.py": {1: 1, 2: 0, 9: 0}}
    changed = {"packages/web/app.py": [1, 2, 3], "packages/web/other.py": [1]}

    result = conclusion(replace(FOUND, changed=changed, after=replace(AFTER, coverage=hits)), PAYLOAD)

    assert result.coverage == [ChangedCoverage(path="packages/web/app.py", covered=[1], uncovered=[2])]
    assert conclusion(replace(FOUND, changed=changed), PAYLOAD).coverage is None
