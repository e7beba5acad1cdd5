"""The lines that our own reporters write (`suites/inside/`): an object for each test, as it happens."""

import json
from typing import Any

from repo_agent_dagster.pathways.suites.reports.report import (
    ID_CHARACTERS,
    MESSAGE_CHARACTERS,
    Report,
    ReportUnreadable,
    below,
    clean,
    require_count,
    require_size,
    seconds,
)
from repo_agent_dagster.pathways.suites.testrun import OUTCOMES, FileCoverage, TestCase, suite_of

_MAX_LINES_OF_A_FILE = 1_000_000
_MAX_MARKS = 10_000


def parse_events(content: bytes, *, root: str = "") -> Report:
    """Return what the lines tell; a last line that was cut off is left out. Paths are made relative to `root`.

    Raises:
        ReportUnreadable: it is too large, or a line is none of ours.
    """
    require_size(content, "line-by-line")
    lines = content.decode("utf-8", "replace").split("\n")
    cases: list[TestCase] = []
    collected: int | None = None
    ended = False
    coverage: dict[str, FileCoverage] = {}
    runner: frozenset[str] | None = None
    for number, line in enumerate(lines[:-1], 1):
        event = _event(line, number)
        if "case" in event:
            cases.append(_case(event, root, number))
            require_count(len(cases), "line-by-line")
        elif "coverage" in event:
            coverage |= _coverage(event["coverage"], root)
        elif "collected" in event:
            told = event["collected"]
            collected = told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None
        elif "runner" in event:
            told = event["runner"]
            marks = [clean(mark, ID_CHARACTERS) for mark in told[:_MAX_MARKS]] if isinstance(told, list) else []
            runner = (runner or frozenset()) | frozenset(marks)
        elif event.get("ended") is True:
            ended = True
    return Report(tuple(cases), collected, ended, coverage, runner)


def _event(line: str, number: int) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ReportUnreadable(f"line {number} of the report is no JSON: {type(error).__name__}") from error
    if not isinstance(event, dict):
        raise ReportUnreadable(f"line {number} of the report is no object")
    return event


def _case(event: dict[str, Any], root: str, number: int) -> TestCase:
    case_id, outcome = event["case"], event.get("outcome")
    if not isinstance(case_id, str) or not isinstance(outcome, str) or outcome not in OUTCOMES:
        raise ReportUnreadable(f"line {number} of the report is no test: {clean(event, 100)}")
    name = clean(below(root, case_id), ID_CHARACTERS)
    message = event.get("message")
    return TestCase(
        id=name,
        outcome=OUTCOMES[outcome],
        message="" if outcome == "passed" else clean(message or "", MESSAGE_CHARACTERS),
        is_file=event.get("container") is True,
        duration_seconds=seconds(event.get("seconds")),
        suite=suite_of(name),
    )


def _coverage(told: object, root: str) -> dict[str, FileCoverage]:
    if not isinstance(told, dict):
        return {}
    found: dict[str, FileCoverage] = {}
    for path, lines in told.items():
        if isinstance(lines, dict) and len(lines) <= _MAX_LINES_OF_A_FILE:
            hits = {
                int(line): count
                for line, count in lines.items()
                if line.isascii() and line.isdigit() and len(line) < 9 and isinstance(count, int)
            }
            found[clean(below(root, path), ID_CHARACTERS)] = hits
    return found
