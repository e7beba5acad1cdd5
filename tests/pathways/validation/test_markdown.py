"""A result as people read it."""

from repo_agent_dagster.contracts.suites import FailingTest, RunSummary, SetupSummary
from repo_agent_dagster.contracts.validation import (
    ChangedCoverage,
    PatchedFile,
    PatchSummary,
    SolutionValidationResult,
    TestChanges,
)
from repo_agent_dagster.contracts.validation import ValidationVerdict as Verdict
from repo_agent_dagster.pathways.validation.markdown import render


def run(**changes: object) -> RunSummary:
    fields = {
        "total": 3, "passed": 3, "failed": 0, "errors": 0, "skipped": 0, "exit_code": 0, "timed_out": False,
        "duration_seconds": 1.25, "source": "junit", "failing": [], "output_tail": "3 passed",
    }  # fmt: skip
    return RunSummary.model_validate(fields | changes)


def result(**changes: object) -> SolutionValidationResult:
    fields = {
        "verdict": Verdict.FIXED,
        "reasons": ["a failed before and passes now."],
        "repo_url": "https://example.invalid/r.git",
        "ref": "main",
        "commit": "1234567890abcdef",
        "durations": {"clone": 0.5},
        "command": "npm test",
        "setup": SetupSummary(
            ok=True, ecosystem="node", commands=[], used_network=False, duration_seconds=0, note="nothing to install"
        ),
        "before": run(passed=2, failed=1, exit_code=1, failing=[FailingTest(id="a", outcome="failed")]),
        "patch": PatchSummary(
            kind="diff",
            applied=True,
            way="git apply",
            changes=[
                PatchedFile(path="x.js", change="modified"),
                PatchedFile(path="jest.config.js", change="added", role="runner_configuration", restored=True),
            ],
        ),
        "after": run(),
        "changes": TestChanges(fail_to_pass=["a"], pass_to_pass=2, counts={"fail_to_pass": 1}),
        "coverage": [ChangedCoverage(path="x.js", covered=[1, 2], uncovered=[7])],
    }
    return SolutionValidationResult.model_validate(fields | changes)


def test_a_result_survives_the_database() -> None:
    stored = result().model_dump(mode="json")

    assert SolutionValidationResult.model_validate(stored) == result()
    assert stored["changes"]["failToPass"] == ["a"]


def test_what_scripts_get_of_the_tests_has_the_issues_names() -> None:
    told = result().tests()

    assert told["fail_to_pass"] == ["a"]
    assert told["pass_to_pass"] == 2
    assert told["tests_only"] is None
    assert told["before"] == {
        "total": 3, "passed": 2, "failed": 1, "errors": 0, "skipped": 0, "exit_code": 1, "timed_out": False,
        "duration_seconds": 1.25,
    }  # fmt: skip


def test_a_good_result_tells_verdict_origin_numbers_and_tests() -> None:
    assert render(result()) == (
        "## Solution validation: fixed\n"
        "\n"
        "- a failed before and passes now.\n"
        "\n"
        "- Repository: `https://example.invalid/r.git` at `1234567890ab` (`main`)\n"
        "- Tests: `npm test`\n"
        "- Set-up: nothing to install\n"
        "- Patch: `x.js`: modified source; `jest.config.js`: added runner configuration, put back\n"
        "\n"
        "| | tests | passed | failed | errors | skipped | exit code | seconds |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|\n"
        "| before | 3 | 2 | 1 | 0 | 0 | 1 | 1.25 |\n"
        "| after | 3 | 3 | 0 | 0 | 0 | 0 | 1.25 |\n"
        "\n"
        "### Failed without the patch's source, pass with it\n"
        "\n"
        "- `a`\n"
        "\n"
        "### Coverage of the changed lines\n"
        "\n"
        "| file | reached | not reached |\n"
        "|---|--:|---|\n"
        "| `x.js` | 2 of 3 | 7 |\n"
    )


def test_a_bad_result_shows_the_end_of_the_output() -> None:
    changes = TestChanges(pass_to_fail=["b"], counts={"pass_to_fail": 30})
    text = render(result(verdict=Verdict.REGRESSED, changes=changes, after=run(output_tail="boom\n~~~\nbang")))

    assert "### Passed before, fail with the patch\n\n- `b`\n- … 29 more" in text
    assert text.endswith("### End of the output after the patch\n\n~~~~text\nboom\n~~~\nbang\n~~~~\n")


def test_runs_that_never_were_or_have_no_numbers_are_told_as_such() -> None:
    hung = run(source="exit_code", timed_out=True, exit_code=None, total=0, passed=0, output_tail="")

    text = render(result(verdict=Verdict.TIMED_OUT, before=hung, after=None, patch=None, changes=None))

    assert "| before | ? | ? | ? | ? | ? | timed out | 1.25 |" in text
    assert "| after | not run | | | | | | |" in text


def test_what_a_repository_prints_is_no_markup() -> None:
    text = render(result(reasons=["x says: <img src=x> | [a](b)"], changes=TestChanges(fail_to_pass=["a`b"])))

    assert "&lt;img src=x&gt; \\| \\[a\\](b)" in text
    assert "- ``a`b``" in text
