"""One report of a test runner, whatever its format, and the limits that hold for all formats."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.pathways.suites.testrun import FileCoverage, TestCase

MAX_REPORT_BYTES = 16 * 1024 * 1024
MAX_CASES = 100_000
MESSAGE_CHARACTERS = 500
ID_CHARACTERS = 500

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class ReportUnreadable(PermanentFault):
    """The report cannot be used; the message says why. The run is then judged by its exit code."""


@dataclass(frozen=True)
class Report:
    """What one report tells. `collected` is how many tests the runner meant to run, None where it does not say.

    `ended`: the runner wrote the report's end; a report without one is of a run that was cut off. `runner` has what
    was changed of the runner itself while it ran and who else has a say in outcomes; None where nobody looked.
    """

    cases: tuple[TestCase, ...] = ()
    collected: int | None = None
    ended: bool = True
    coverage: Mapping[str, FileCoverage] = field(default_factory=dict)
    runner: frozenset[str] | None = None


def require_size(content: bytes, kind: str) -> None:
    """Refuse what is too large to be read at once.

    Raises:
        ReportUnreadable: it is.
    """
    if len(content) > MAX_REPORT_BYTES:
        raise ReportUnreadable(f"the {kind} report has {len(content)} bytes; {MAX_REPORT_BYTES} is the limit")


def require_count(cases: int, kind: str) -> None:
    """Refuse a report of more tests than anybody has.

    Raises:
        ReportUnreadable: there are.
    """
    if cases > MAX_CASES:
        raise ReportUnreadable(f"the {kind} report has more than {MAX_CASES} tests")


def clean(text: object, limit: int) -> str:
    """Return the first part of a text without characters that terminals and databases trip over."""
    shown = _ESCAPES.sub("", str(text)[: 4 * limit])[:limit]
    return "".join(char if char >= " " or char in "\t\n" else "?" for char in shown)


def seconds(value: object) -> float | None:
    """Return a duration if it is one: a number, not negative and not beyond a year."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 3e7 else None


def below(root: str, path: str) -> str:
    """Return a path relative to the root if it lies below it, else as it is."""
    return path.removeprefix(f"{root.rstrip('/')}/") if root else path
