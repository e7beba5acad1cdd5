"""All the report files of one run, put together. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from repo_agent_dagster.contracts.suites import RunSource
from repo_agent_dagster.pathways.suites.reports.cargo_text import parse_cargo
from repo_agent_dagster.pathways.suites.reports.events import parse_events
from repo_agent_dagster.pathways.suites.reports.go_json import parse_go
from repo_agent_dagster.pathways.suites.reports.jest_json import parse_jest
from repo_agent_dagster.pathways.suites.reports.junit import parse_junit
from repo_agent_dagster.pathways.suites.reports.lcov import parse_lcov
from repo_agent_dagster.pathways.suites.reports.report import MAX_CASES, Report, ReportUnreadable
from repo_agent_dagster.pathways.suites.testrun import FileCoverage, TestCase

_NAMES = re.compile(r"(?P<runner>pytest|unittest|node|mocha|jest|vitest|playwright|go|cargo)(?:[.-]|$)[\w.-]*")


@dataclass(frozen=True)
class Reports:
    """What the reports of a run tell together.

    `is_whole`: at least one could be read. `pytest_sessions` is the number of pytest's reports. `runner` is as
    in `Report`. `raw` are the files.
    """

    cases: tuple[TestCase, ...] = ()
    source: RunSource = "exit_code"
    collected: int | None = None
    ended: bool = True
    coverage: Mapping[str, FileCoverage] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    pytest_sessions: int = 0
    runner: frozenset[str] | None = None
    raw: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether all that was there could be read."""
        return not self.problems

    def with_problem(self, problem: str) -> "Reports":
        """Return the same with something that could not be read."""
        return replace(self, problems=(*self.problems, problem))

    def with_report(self, report: Report, source: RunSource) -> "Reports":
        """Return the same with a further report."""
        total = self.collected
        if report.collected is not None:
            total = (total or 0) + report.collected
        elif report.cases and total is not None:
            total += len(report.cases)
        return replace(
            self,
            cases=(*self.cases, *report.cases)[:MAX_CASES],
            source=source if self.source in ("exit_code", source) else "report",
            collected=total,
            ended=self.ended and report.ended,
            coverage=_merged(self.coverage, report.coverage),
            runner=report.runner if self.runner is None else self.runner | (report.runner or frozenset()),
        )


def read_reports(files: Mapping[str, bytes], *, root: str) -> Reports:
    """Put together what the files of a run's reports folder tell; files of other names are passed over."""
    reports = Reports(raw={name: content for name, content in files.items() if name != ".keep"})
    for name, content in sorted(reports.raw.items()):
        found = _NAMES.fullmatch(name.partition("/")[0])
        try:
            if name.endswith((".lcov", "lcov.info")):
                reports = replace(reports, coverage=_merged(reports.coverage, parse_lcov(content, root=root)))
            elif name.startswith("runner-"):
                told = parse_events(content).runner or frozenset()
                reports = replace(reports, runner=(reports.runner or frozenset()) | told)
            elif found:
                reports = _with(reports, found["runner"], name, content, files, root)
        except ReportUnreadable as error:
            reports = reports.with_problem(str(error))
    return reports


def _with(reports: Reports, runner: str, name: str, content: bytes, files: Mapping[str, bytes], root: str) -> Reports:
    stem, _, ending = name.rpartition(".")
    if runner == "pytest":
        if ending != "xml":
            return reports  # read with the report that it goes with
        report = parse_junit(content, root=root)
        if tally := files.get(f"{stem}.jsonl"):
            told = parse_events(tally)
            report = replace(report, collected=_tally(told, report), runner=told.runner)
        return replace(reports.with_report(report, "junit"), pytest_sessions=reports.pytest_sessions + 1)
    if runner == "go":
        return reports.with_report(parse_go(content), "report")
    if runner == "cargo":
        return reports.with_report(parse_cargo(content), "output")
    if ending == "xml":
        return reports.with_report(parse_junit(content, root=root), "junit")
    if ending == "json":
        return reports.with_report(parse_jest(content, root=root), "report")
    return reports.with_report(parse_events(content, root=root), "report")


def _tally(told: Report, report: Report) -> int | None:
    """What pytest collected, and the files that it could not: those have no tests to count."""
    return None if told.collected is None else told.collected + sum(case.is_file for case in report.cases)


def _merged(one: Mapping[str, FileCoverage], other: Mapping[str, FileCoverage]) -> Mapping[str, FileCoverage]:
    merged = {path: dict(lines) for path, lines in one.items()}
    for path, lines in other.items():
        known = merged.setdefault(path, {})
        for line, hits in lines.items():
            known[line] = max(known.get(line, 0), hits)
    return merged
