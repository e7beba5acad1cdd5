"""A validation's result as Markdown, for people: the verdict first, then the evidence."""

from repo_agent_dagster.contracts.suites import RunSummary
from repo_agent_dagster.contracts.validation import ChangedCoverage, PatchSummary, SolutionValidationResult, TestChanges
from repo_agent_dagster.pages.markdown_text import code, inline

_LISTED = 20
_OUTPUT_LINES = 40


def render(result: SolutionValidationResult) -> str:
    """Return a short report that ends with a newline: verdict, reasons, a table of the runs, the tests, output."""
    parts = [
        f"## Solution validation: {result.verdict.value.replace('_', ' ')}",
        "\n".join(f"- {inline(reason)}" for reason in result.reasons),
        _origin(result),
    ]
    if result.before or result.after:
        parts.append(_runs(result))
    for title, tests, count in _lists(result.changes or TestChanges()):
        if tests:
            parts.append(f"### {title}\n\n{_listed(tests, count)}")
    if result.coverage:
        parts.append(f"### Coverage of the changed lines\n\n{_coverage(result.coverage)}")
    last = result.after or result.before
    if last is not None and not result.ok and last.output_tail.strip():
        lines = last.output_tail.strip().splitlines()[-_OUTPUT_LINES:]
        which = "after" if result.after else "before"
        parts.append(f"### End of the output {which} the patch\n\n{_fenced(lines)}")
    return "\n\n".join(parts) + "\n"


def _lists(changes: TestChanges) -> list[tuple[str, list[str], int]]:
    titles = {
        "pass_to_fail": "Passed before, fail with the patch",
        "new_failing": "New, and fail",
        "fail_to_fail": "Failed before, do not pass with the patch",
        "fail_to_pass": "Failed without the patch's source, pass with it",
        "flaky": "Flaky: failed and passed on the same code",
        "gone": "Gone with the patch",
    }
    return [
        (title, getattr(changes, name), changes.counts.get(name, len(getattr(changes, name))))
        for name, title in titles.items()
    ]


def _origin(result: SolutionValidationResult) -> str:
    where = f" in {code(result.subfolder)}" if result.subfolder else ""
    lines = [f"- Repository: {code(result.repo_url)} at {code(result.commit[:12])} ({code(result.ref)}){where}"]
    if result.command:
        lines.append(f"- Tests: {code(result.command)}")
    if result.setup is not None and result.setup.ok:
        lines.append(f"- Set-up: {result.setup.note}")
    if result.patch is not None and result.patch.applied:
        lines.append(f"- Patch: {_files(result.patch)}")
    return "\n".join(lines)


def _files(patch: PatchSummary) -> str:
    named = []
    for change in patch.changes[:_LISTED]:
        moved = f" (from {code(change.renamed_from)})" if change.renamed_from else ""
        back = ", put back" if change.restored else ""
        named.append(f"{code(change.path)}{moved}: {change.change} {change.role.replace('_', ' ')}{back}")
    more = len(patch.changes) - _LISTED
    return "; ".join([*named, *([f"… {more} more"] if more > 0 else [])])


def _runs(result: SolutionValidationResult) -> str:
    rows = [
        "| | tests | passed | failed | errors | skipped | exit code | seconds |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    runs = {"before": result.before, "tests only": result.tests_only, "after": result.after}
    for name, run in runs.items():
        if run is not None:
            rows.append(f"| {name} | {_row(run)} |")
        elif name != "tests only":
            rows.append(f"| {name} | not run | | | | | | |")
    return "\n".join(rows)


def _row(run: RunSummary) -> str:
    end = "timed out" if run.timed_out else str(run.exit_code)
    counts = ["?"] * 5 if run.source == "exit_code" else [run.total, run.passed, run.failed, run.errors, run.skipped]
    return " | ".join([*map(str, counts), end, f"{run.duration_seconds:.2f}"])


def _coverage(files: list[ChangedCoverage]) -> str:
    rows = ["| file | reached | not reached |", "|---|--:|---|"]
    for file in files[:_LISTED]:
        whole = len(file.covered) + len(file.uncovered)
        missed = ", ".join(map(str, file.uncovered[:_LISTED])) or "–"
        rows.append(f"| {code(file.path)} | {len(file.covered)} of {whole} | {missed} |")
    return "\n".join(rows)


def _listed(tests: list[str], count: int) -> str:
    lines = [f"- {code(test)}" for test in tests[:_LISTED]]
    more = count - len(lines)
    return "\n".join([*lines, *([f"- … {more} more"] if more > 0 else [])])


def _fenced(lines: list[str]) -> str:
    fence = "~" * 3
    while any(line.startswith(fence) for line in lines):
        fence += "~"
    return "\n".join([f"{fence}text", *lines, fence])
