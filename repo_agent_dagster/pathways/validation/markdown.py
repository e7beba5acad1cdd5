"""A validation's result as Markdown, for people: the verdict first, then the evidence."""

from repo_agent_dagster.contracts.suites import RunSummary
from repo_agent_dagster.contracts.validation import SolutionValidationResult

_LISTED = 20
_OUTPUT_LINES = 40


def render(result: SolutionValidationResult) -> str:
    """Return a short report that ends with a newline: verdict, a table of both runs, the tests that decided, output."""
    parts = [
        f"## Solution validation: {result.verdict.value.replace('_', ' ')}",
        _quoted(result.explanation),
        _origin(result),
    ]
    if result.before or result.after:
        parts.append(_runs(result))
    for title, tests in (("Broken", result.broken), ("Still failing", result.still_failing), ("Fixed", result.fixed)):
        if tests:
            parts.append(f"### {title}\n\n{_listed(tests)}")
    last = result.after or result.before
    if last is not None and not result.ok and last.output_tail.strip():
        lines = last.output_tail.strip().splitlines()[-_OUTPUT_LINES:]
        which = "after" if result.after else "before"
        parts.append(f"### End of the output {which} the patch\n\n{_fenced(lines)}")
    return "\n\n".join(parts) + "\n"


def _origin(result: SolutionValidationResult) -> str:
    lines = [f"- Repository: {_code(result.repo_url)} at {_code(result.commit[:12])} ({_code(result.ref)})"]
    if result.command:
        lines.append(f"- Tests: {_code(result.command)}")
    if result.setup is not None and result.setup.ok:
        lines.append(f"- Set-up: {result.setup.note}")
    if result.patch is not None and result.patch.applied:
        lines.append(f"- Patch: {', '.join(_code(name) for name in result.patch.files[:_LISTED])}")
    return "\n".join(lines)


def _runs(result: SolutionValidationResult) -> str:
    rows = [
        "| | tests | passed | failed | errors | skipped | exit code | seconds |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, run in (("before", result.before), ("after", result.after)):
        rows.append(f"| {name} | {_row(run)} |" if run else f"| {name} | not run | | | | | | |")
    return "\n".join(rows)


def _row(run: RunSummary) -> str:
    end = "timed out" if run.timed_out else str(run.exit_code)
    counts = [run.total, run.passed, run.failed, run.errors, run.skipped] if run.source == "junit" else ["?"] * 5
    return " | ".join([*map(str, counts), end, f"{run.duration_seconds:.2f}"])


def _listed(tests: list[str]) -> str:
    lines = [f"- {_code(test)}" for test in tests[:_LISTED]]
    more = len(tests) - _LISTED
    return "\n".join([*lines, *([f"- … {more} more"] if more > 0 else [])])


def _code(text: str) -> str:
    # Names come from the repository: a backtick or a line break in one must not end the code span.
    flat = " ".join(text.split())
    return f"`` {flat} ``" if "`" in flat else f"`{flat}`"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _fenced(lines: list[str]) -> str:
    fence = "~" * 3
    while any(line.startswith(fence) for line in lines):
        fence += "~"
    return "\n".join([f"{fence}text", *lines, fence])
