"""TAP, versions 12 to 14: what many small runners print. Only the outermost level is read; a subtest has its summary.

See https://testanything.org/tap-version-14-specification.html. tape prints a test's name as a comment before its
assertions, so the last comment is a part of each id.
"""

import re

from repo_agent_dagster.pathways.suites.reports.report import (
    ID_CHARACTERS,
    MESSAGE_CHARACTERS,
    Report,
    ReportUnreadable,
    clean,
    require_count,
    require_size,
)
from repo_agent_dagster.pathways.suites.testrun import Outcome, TestCase

_POINT = re.compile(r"(not )?ok\b(?: +(\d+))?(?: +-)? *(.*)")
_PLAN = re.compile(r"1\.\.(\d{1,9})(?:\s*#.*)?")
_DIRECTIVE = re.compile(r"(?:^|\s)#\s*(skip\S*|todo)\b\s*(.*)$", re.IGNORECASE)
_COMMENT = re.compile(r"#\s*(\S.*)")
_NO_NAME = re.compile(
    r"(?:Subtest:|(?:tests|pass|fail|skip|todo|time|duration_ms|failed)\b\W*\d|ok$|skip\b|todo\b)", re.IGNORECASE
)
_BAIL_OUT = "Bail out!"


def looks_like_tap(text: str) -> bool:
    """Whether a program's output is TAP: its version line, or a plan and a test point."""
    if re.search(r"^TAP version 1[2-4]\s*$", text, re.MULTILINE):
        return True
    return bool(re.search(r"^1\.\.\d+\s*$", text, re.MULTILINE) and re.search(r"^(?:not )?ok \d+", text, re.MULTILINE))


def parse_tap(content: bytes) -> Report:
    """Return the test points of the outermost level, by the comment before them and their descriptions.

    Those that repeat are numbered: ``adds two::should be equal (2)``.

    Raises:
        ReportUnreadable: it is too large, or there is neither a plan nor a test point.
    """
    require_size(content, "TAP")
    cases: list[TestCase] = []
    planned: int | None = None
    bailed_out, group = False, ""
    seen: dict[str, int] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        if line.startswith(_BAIL_OUT):
            bailed_out = True
            seen_before = clean(line.removeprefix(_BAIL_OUT).strip(), MESSAGE_CHARACTERS)
            cases.append(TestCase(_BAIL_OUT, "error", seen_before, is_file=True))
        elif plan := _PLAN.fullmatch(line):
            planned = (planned or 0) + int(plan[1])
        elif point := _POINT.fullmatch(line):
            cases.append(_case(point, len(cases) + 1, group, seen))
            require_count(len(cases), "TAP")
        elif (comment := _COMMENT.fullmatch(line)) and not _NO_NAME.match(comment[1]):
            group = clean(comment[1].strip(), ID_CHARACTERS // 2)
    if planned is None and not cases:
        raise ReportUnreadable("the output is no TAP: it has neither a plan nor a test point")
    return Report(tuple(cases), planned, ended=planned is not None and not bailed_out)


def _case(point: re.Match[str], number: int, group: str, seen: dict[str, int]) -> TestCase:
    failed, told_number, description = bool(point[1]), point[2], point[3]
    outcome: Outcome = "failed" if failed else "passed"
    message = ""
    if directive := _DIRECTIVE.search(description):
        description = description[: directive.start()]
        message = directive[2]
        # A todo may fail without failing the run.
        outcome = "skipped"
    name = clean(description.strip(), ID_CHARACTERS // 2) or f"test {told_number or number}"
    name = f"{group}::{name}" if group else name
    seen[name] = seen.get(name, 0) + 1
    if seen[name] > 1:
        name = f"{name} ({seen[name]})"
    return TestCase(name, outcome, clean(message, MESSAGE_CHARACTERS), suite=group)
