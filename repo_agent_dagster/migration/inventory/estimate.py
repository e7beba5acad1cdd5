"""How much a file brings and how much work it is to bring in: points by stated rules, each shown with its reason."""

from collections.abc import Iterator
from dataclasses import dataclass

from repo_agent_dagster.migration.inventory.model import Estimate, Reason, Side

LOCAL_DATABASES = frozenset({"sqlite", "d1", "do-sqlite"})
_MOST_EXPORTS, _MOST_USERS, _MOST_CASES = 5, 5, 10
_LINES_A_POINT, _UNTESTED_LINES = 100, 50


@dataclass(frozen=True)
class EstimateRule:
    """One rule: which side it counts for, what is counted, and how many points that gives."""

    side: Side
    fact: str
    points: str


RULES = (
    EstimateRule("value", "something it exports", "1 each, at most 5 a file"),
    EstimateRule("value", "a file of the unit that imports it", "1 each, at most 5 a file"),
    EstimateRule("value", "an entry point (worker, program, page, command)", "5"),
    EstimateRule("value", "test cases", "1 for every 2, at most 10 a file"),
    EstimateRule("value", "a README", "2"),
    EstimateRule("effort", "lines of code that are not blank", "1 for every 100 begun"),
    EstimateRule("effort", "a local import that means no file of the unit", "1 for each specifier"),
    EstimateRule("effort", "a package that is used and not declared", "1 each"),
    EstimateRule("effort", "a local database (SQLite, D1, SQL in a Durable Object)", "3 each kind"),
    EstimateRule("effort", "an SQL statement", "1 each"),
    EstimateRule("effort", "50 lines of code or more that no test imports", "2"),
    EstimateRule("effort", "code that could not be parsed as a whole", "3"),
    EstimateRule("effort", "the unit has code and no test", "5, once"),
    EstimateRule("effort", "the unit has code and no licence", "2, once"),
)
"""The rules, as the reports and the documentation show them."""


@dataclass(frozen=True)
class FileCounts:
    """What of a file is counted; `code_lines` is 0 for what is no code, `tested` says that a test imports it."""

    exports: int = 0
    users: int = 0
    entry_point: str | None = None
    cases: int = 0
    is_readme: bool = False
    code_lines: int = 0
    missing: int = 0
    undeclared: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    statements: int = 0
    tested: bool = True
    unparsed: bool = False


def estimate_file(counts: FileCounts) -> Estimate:
    """Return the estimate of one file; a fact that gives no points is not among the reasons."""
    return Estimate((*_value(counts), *_effort(counts)))


def estimate_unit(files: list[Estimate], *, has_code: bool, has_tests: bool, has_licence: bool) -> Estimate:
    """Return the estimate of a unit: the points of its files, and what counts for the whole unit."""
    value, effort = sum(one.value for one in files), sum(one.effort for one in files)
    reasons = [Reason("value", value, f"points of {len(files)} files")] if value else []
    if effort:
        reasons.append(Reason("effort", effort, f"points of {len(files)} files"))
    if has_code and not has_tests:
        reasons.append(Reason("effort", 5, "no test in the unit"))
    if has_code and not has_licence:
        reasons.append(Reason("effort", 2, "no licence in the unit"))
    return Estimate(tuple(reasons))


def _value(counts: FileCounts) -> Iterator[Reason]:
    if counts.exports:
        yield Reason("value", min(counts.exports, _MOST_EXPORTS), _many(counts.exports, "export"))
    if counts.users:
        yield Reason("value", min(counts.users, _MOST_USERS), f"imported by {_many(counts.users, 'file')}")
    if counts.entry_point:
        yield Reason("value", 5, f"entry point: {counts.entry_point}")
    if counts.cases >= 2:
        yield Reason("value", min(counts.cases // 2, _MOST_CASES), _many(counts.cases, "test case"))
    if counts.is_readme:
        yield Reason("value", 2, "a README")


def _effort(counts: FileCounts) -> Iterator[Reason]:
    if counts.code_lines:
        yield Reason("effort", -(-counts.code_lines // _LINES_A_POINT), _many(counts.code_lines, "line"))
    if counts.missing:
        yield Reason("effort", counts.missing, f"{_many(counts.missing, 'local import')} without a file")
    if counts.undeclared:
        yield Reason("effort", len(counts.undeclared), f"not declared: {', '.join(counts.undeclared)}")
    if counts.databases:
        yield Reason("effort", 3 * len(counts.databases), f"local database: {', '.join(counts.databases)}")
    if counts.statements:
        yield Reason("effort", counts.statements, _many(counts.statements, "SQL statement"))
    if counts.code_lines >= _UNTESTED_LINES and not counts.tested:
        yield Reason("effort", 2, "no test imports it")
    if counts.unparsed:
        yield Reason("effort", 3, "not parsed as a whole")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
