"""A result as people read it."""

from repo_agent_dagster.contracts.suites import FailingTest, RunSummary, SetupSummary
from repo_agent_dagster.contracts.validation import (
    PatchSummary,
    SolutionValidationResult,
    Verdict,
)
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
        "explanation": "a failed before and passes now.",
        "repo_url": "https://example.invalid/r.git",
        "ref": "main",
        "commit": "1234567890abcdef",
        "command": "npm test",
        "setup": SetupSummary(
            ok=True, ecosystem="node", commands=[], used_network=False, duration_seconds=0, note="nothing to install"
        ),
        "before": run(passed=2, failed=1, exit_code=1, failing=[FailingTest(id="a", outcome="failed")]),
        "patch": PatchSummary(kind="diff", applied=True, files=["x.js"]),
        "after": run(),
        "fixed": ["a"],
        "still_failing": [],
        "broken": [],
    }
    return SolutionValidationResult.model_validate(fields | changes)


def test_a_result_survives_the_database() -> None:
    stored = result().model_dump(mode="json")

    assert SolutionValidationResult.model_validate(stored) == result()
    assert stored["stillFailing"] == []


def test_a_good_result_tells_verdict_origin_numbers_and_tests() -> None:
    assert render(result()) == (
        "## Solution validation: fixed\n"
        "\n"
        "> a failed before and passes now.\n"
        "\n"
        "- Repository: `https://example.invalid/r.git` at `1234567890ab` (`main`)\n"
        "- Tests: `npm test`\n"
        "- Set-up: nothing to install\n"
        "- Patch: `x.js`\n"
        "\n"
        "| | tests | passed | failed | errors | skipped | exit code | seconds |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|\n"
        "| before | 3 | 2 | 1 | 0 | 0 | 1 | 1.25 |\n"
        "| after | 3 | 3 | 0 | 0 | 0 | 0 | 1.25 |\n"
        "\n"
        "### Fixed\n"
        "\n"
        "- `a`\n"
    )


def test_a_bad_result_shows_the_end_of_the_output() -> None:
    text = render(result(verdict=Verdict.REGRESSED, broken=["b"], after=run(output_tail="boom\n~~~\nbang")))

    assert "### Broken\n\n- `b`" in text
    assert text.endswith("### End of the output after the patch\n\n~~~~text\nboom\n~~~\nbang\n~~~~\n")


def test_runs_that_never_were_or_have_no_numbers_are_told_as_such() -> None:
    hung = run(source="exit_code", timed_out=True, exit_code=None, total=0, passed=0, output_tail="")

    text = render(result(verdict=Verdict.TIMED_OUT, before=hung, after=None, patch=None, fixed=[]))

    assert "| before | ? | ? | ? | ? | ? | timed out | 1.25 |" in text
    assert "| after | not run | | | | | | |" in text


def test_a_result_without_any_run_has_no_table() -> None:
    text = render(result(verdict=Verdict.NO_TESTS, before=None, after=None, patch=None, command=None, fixed=[]))

    assert "| tests |" not in text
    assert "- Tests:" not in text


def test_names_from_the_repository_cannot_break_out() -> None:
    text = render(result(fixed=["a`b\nc", *(f"t{number}" for number in range(20))]))

    assert "- `` a`b c ``\n" in text
    assert text.endswith("- … 1 more\n")
