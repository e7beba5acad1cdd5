"""What ``cargo test`` prints; its JSON is not for stable toolchains."""

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

_OUTCOMES: dict[str, Outcome] = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}
_BINARY = re.compile(r"\s+(?:Running|Doc-tests) (?:unittests )?(\S+)(?: \(.*\))?")
_RUNNING = re.compile(r"running (\d{1,7}) tests?")
_TEST = re.compile(r"test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)(?:,.*)?")
_PANIC = re.compile(r"---- (.+) stdout ----")


def parse_cargo(content: bytes) -> Report:
    """Return the tests by the file that holds them and their paths.

    Raises:
        ReportUnreadable: it is too large, or there is no test binary in it.
    """
    require_size(content, "cargo test")
    lines = content.decode("utf-8", "replace").splitlines()
    messages = _messages(lines)
    cases: list[TestCase] = []
    binary, announced, is_any = "", 0, False
    for line in lines:
        if found := _BINARY.fullmatch(line):
            binary = found[1]
        elif found := _RUNNING.fullmatch(line):
            is_any, announced = True, announced + int(found[1])
        elif found := _TEST.fullmatch(line):
            outcome = _OUTCOMES[found[2]]
            name = clean(f"{binary}::{found[1]}" if binary else found[1], ID_CHARACTERS)
            message = messages.get(found[1], "") if outcome == "failed" else ""
            cases.append(TestCase(name, outcome, message, suite=clean(binary, ID_CHARACTERS)))
            require_count(len(cases), "cargo test")
    if not is_any:
        raise ReportUnreadable("the output is not that of cargo test: no test binary was run")
    return Report(tuple(cases), collected=announced)


def _messages(lines: list[str]) -> dict[str, str]:
    """Return the first lines that each failed test printed, by the test's path."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        if panic := _PANIC.fullmatch(line):
            told = " ".join(text.strip() for text in lines[number + 1 : number + 4])
            found.setdefault(panic[1], clean(told.strip(), MESSAGE_CHARACTERS))
    return found
