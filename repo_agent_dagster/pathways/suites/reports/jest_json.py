"""The JSON report of jest, which vitest writes as well."""

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
from repo_agent_dagster.pathways.suites.testrun import Outcome, TestCase, suite_of

_OUTCOMES: dict[str, Outcome] = {"passed": "passed", "failed": "failed"}
_SKIPPED = frozenset({"pending", "skipped", "todo", "disabled", "focused"})


def parse_jest(content: bytes, *, root: str = "") -> Report:
    """Return the tests of a jest or vitest JSON report; a file that did not load is one failing case of its own.

    Raises:
        ReportUnreadable: it is too large, no JSON, or has not the shape.
    """
    require_size(content, "JSON")
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReportUnreadable(f"the JSON report cannot be read: {type(error).__name__}") from error
    files = told.get("testResults") if isinstance(told, dict) else None
    if not isinstance(files, list):
        raise ReportUnreadable("the JSON report has no testResults: it is not jest's")
    cases: list[TestCase] = []
    for file in files:
        if not isinstance(file, dict):
            raise ReportUnreadable("the JSON report has a test file that is no object")
        cases += _cases(file, root)
        require_count(len(cases), "JSON")
    total = told.get("numTotalTests")
    # jest counts no test of a file that did not load.
    containers = sum(case.is_file for case in cases)
    collected = total + containers if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None
    return Report(tuple(cases), collected)


def _cases(file: dict[str, Any], root: str) -> list[TestCase]:
    path = clean(below(root, str(file.get("name", ""))), ID_CHARACTERS)
    assertions = file.get("assertionResults")
    found = [_case(path, one) for one in assertions if isinstance(one, dict)] if isinstance(assertions, list) else []
    if file.get("status") == "failed" and not any(case.outcome == "failed" for case in found):
        message = clean(file.get("message") or "the file could not be run", MESSAGE_CHARACTERS)
        found.append(TestCase(path, "error", message, is_file=True, suite=path))
    return found


def _case(path: str, told: dict[str, Any]) -> TestCase:
    titles = told.get("ancestorTitles")
    names = [*(titles if isinstance(titles, list) else []), told.get("title", "")]
    name = clean("::".join([path, *(str(part) for part in names if part)]), ID_CHARACTERS)
    status = told.get("status")
    outcome = _OUTCOMES.get(status) if isinstance(status, str) else None
    if outcome is None:
        outcome = "skipped" if status in _SKIPPED else "error"
    messages = told.get("failureMessages")
    message = str(messages[0]) if outcome != "passed" and isinstance(messages, list) and messages else ""
    took = seconds(told.get("duration"))
    return TestCase(
        name,
        outcome,
        clean(message, MESSAGE_CHARACTERS),
        duration_seconds=None if took is None else took / 1000,
        suite=suite_of(name),
    )
