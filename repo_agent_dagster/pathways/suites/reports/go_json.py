"""The events of ``go test -json``, one object per line."""

import json
from typing import Any

from repo_agent_dagster.pathways.suites.reports.report import (
    ID_CHARACTERS,
    MESSAGE_CHARACTERS,
    Report,
    ReportUnreadable,
    clean,
    require_count,
    require_size,
    seconds,
)
from repo_agent_dagster.pathways.suites.testrun import Outcome, TestCase

_OUTCOMES: dict[str, Outcome] = {"pass": "passed", "fail": "failed", "skip": "skipped"}
_KEPT_OUTPUT = 20


def parse_go(content: bytes) -> Report:
    """Return the tests by package and name; a package that fails without a failing test is a case of its own.

    Lines that are no events (a compiler's messages) are passed over.

    Raises:
        ReportUnreadable: it is too large, or no line of it is an event.
    """
    require_size(content, "go test")
    cases: list[TestCase] = []
    begun: set[tuple[str, str]] = set()
    output: dict[tuple[str, str], list[str]] = {}
    packages: dict[str, str] = {}
    is_any = False
    for line in content.decode("utf-8", "replace").splitlines():
        event = _event(line)
        if event is None:
            continue
        is_any = True
        package, test, action = str(event.get("Package", "")), str(event.get("Test", "")), event.get("Action")
        key = (package, test)
        if action == "run":
            begun.add(key)
        elif action == "output" and len(output.setdefault(key, [])) < _KEPT_OUTPUT:
            output[key].append(str(event.get("Output", ""))[:MESSAGE_CHARACTERS])
        elif isinstance(action, str) and action in _OUTCOMES and test:
            outcome = _OUTCOMES[action]
            message = "" if outcome == "passed" else _message(output.get(key, []))
            name = clean(f"{package}::{test}", ID_CHARACTERS)
            took = seconds(event.get("Elapsed"))
            cases.append(TestCase(name, outcome, message, duration_seconds=took, suite=clean(package, ID_CHARACTERS)))
            require_count(len(cases), "go test")
            begun.discard(key)
        elif action in ("pass", "fail", "skip"):
            packages[package] = str(action)
    if not is_any:
        raise ReportUnreadable("the output is not that of go test -json: no line of it is an event")
    failing = {case.suite for case in cases if case.outcome == "failed"}
    for package, action in packages.items():
        if action == "fail" and package not in failing:
            message = _message(output.get((package, ""), []))
            name = clean(package, ID_CHARACTERS)
            cases.append(TestCase(name, "error", message, is_file=True, suite=name))
    # A test that began and never ended: the program panicked or was killed.
    return Report(tuple(cases), collected=len(cases) + len(begun), ended=bool(packages) and not begun)


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and "Action" in event else None


def _message(lines: list[str]) -> str:
    told = [line.strip() for line in lines if line.strip() and not line.startswith(("=== ", "--- ", "FAIL", "PASS"))]
    return clean(" ".join(told), MESSAGE_CHARACTERS)
