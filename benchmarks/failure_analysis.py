"""Measure what the analysis makes of the labelled failure logs: lines picked, failures grouped, causes named.

    python -m benchmarks.failure_analysis [--split dev|held_out|held_out_second] [--verbose]

The rules by which the logs are labelled and the figures made stand in benchmarks/failure_logs/README.md. Each log is
one scan: its failures are picked beside the last passing log of its job, joined into incidents, and an incident is
known from an earlier log when it shares a fingerprint or an alias with it, as in the table of issues.

Peers, on the same logs: picking the lines with a keyword in them (error, fail, fatal, exception, panic, warn), and the
last 40 lines. The bars are the issue's: recall ≥ 0.9 at precision ≥ 0.6, pairwise F1 ≥ 0.9, causes ≥ 0.85.
"""

import argparse
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from benchmarks._failure_logs import ROOT, SPLITS, LabelledLog, Problem, log_lines, read_split
from repo_agent_dagster.ops.analysis.causes import cause_of
from repo_agent_dagster.ops.analysis.grouping import group
from repo_agent_dagster.ops.analysis.model import Failure, Incident, Place
from repo_agent_dagster.ops.analysis.picking import failures_of, text_log
from repo_agent_dagster.ops.analysis.templates import TemplateMiner
from repo_agent_dagster.ops.analysis.text import plain

RECALL_BAR, PRECISION_BAR, GROUPING_BAR, CAUSE_BAR = 0.9, 0.6, 0.9, 0.85
TAIL_LINES = 40
SOURCE = "labelled"
_KEYWORD = re.compile(r"error|fail|fatal|exception|panic|warn", re.IGNORECASE)
_TIME = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z ?")


@dataclass(frozen=True, slots=True)
class Picking:
    """How many lines were rightly picked, missed and wrongly picked in one log."""

    found: int
    missed: int
    extra: int

    @property
    def recall(self) -> float:
        """The share of the error lines that was picked."""
        return _share(self.found, self.found + self.missed)

    @property
    def precision(self) -> float:
        """The share of the picked lines that are error lines; those that are also ok do not count."""
        return _share(self.found, self.found + self.extra)


@dataclass(slots=True)
class Occurrence:
    """One labelled problem in one log, the failure that tells of it, and the issue that it would be recorded under."""

    case: LabelledLog
    problem: Problem
    failure: Failure | None
    issue: int
    cause: str | None

    @property
    def has_right_cause(self) -> bool:
        """Whether the cause is the label's, or the one that is accepted beside it."""
        return self.cause in (self.problem.cause, *self.problem.accept)


@dataclass(slots=True)
class Outcome:
    """What the analysis made of one split; `failed` are the logs on which it raised an error, which found nothing."""

    picked: dict[str, frozenset[int]] = field(default_factory=dict)
    occurrences: list[Occurrence] = field(default_factory=list)
    seconds: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Issues:
    """The issues of all scans so far, found by any of their fingerprints; the templates of all scans so far."""

    numbers: dict[str, int] = field(default_factory=dict)
    miners: dict[str, TemplateMiner] = field(default_factory=lambda: defaultdict(TemplateMiner))
    last: int = 0

    def number_of(self, incident: Incident) -> int:
        """Return the number of the incident's issue, a new one where none of its fingerprints is known."""
        identities = (incident.fingerprint.value, *incident.fingerprint.aliases)
        number = next((self.numbers[one] for one in identities if one in self.numbers), None)
        if number is None:
            number = self.new()
        for one in identities:
            self.numbers.setdefault(one, number)
        return number

    def new(self) -> int:
        """Return a number that no issue has."""
        self.last += 1
        return self.last


def analysed(cases: Iterable[LabelledLog], *, with_green: bool) -> Outcome:
    """Run the analysis over all cases, one scan each; `seconds` is CPU time."""
    outcome, issues = Outcome(), Issues()
    for case in cases:
        start = time.process_time()
        place = Place("worker" if case.form == "jsonl" else "build", case.place, case.workflow, case.job)
        green = text_log(case.green, place, SOURCE) if with_green and case.green is not None else None
        failures: Sequence[Failure] = ()
        try:
            failures = failures_of(text_log(case.log, place, SOURCE), green)
        except Exception as error:  # noqa: BLE001  (a log that the analysis breaks on is a figure, too)
            outcome.failed[case.name] = repr(error)
        incidents = group(failures, lambda source: issues.miners[source])
        numbers = [issues.number_of(incident) for incident in incidents]
        outcome.seconds += time.process_time() - start
        outcome.picked[case.name] = frozenset(line.number for failure in failures for line in failure.lines)
        outcome.occurrences += [_occurrence(case, problem, incidents, numbers, issues) for problem in case.problems]
    return outcome


def _occurrence(
    case: LabelledLog, problem: Problem, incidents: Sequence[Incident], numbers: Sequence[int], issues: Issues
) -> Occurrence:
    candidates = [
        (len(problem.lines & {line.number for line in failure.lines}), failure, number)
        for incident, number in zip(incidents, numbers, strict=True)
        for failure in incident.failures
    ]
    covered, failure, number = max(candidates, key=lambda one: one[0], default=(0, None, 0))
    if failure is None or not covered:
        return Occurrence(case, problem, None, issues.new(), None)
    return Occurrence(case, problem, failure, number, str(cause_of(failure).name))


def scored(case: LabelledLog, picked: Iterable[int]) -> Picking:
    """Compare picked line numbers with the labels; empty lines and those that are also ok are left out."""
    lines = log_lines(case.log)
    counted = {number for number in picked if _text(lines[number - 1]).strip()} - case.also_ok
    wanted = case.error_lines
    return Picking(len(wanted & counted), len(wanted - counted), len(counted - wanted))


def by_keyword(case: LabelledLog) -> list[int]:
    """Return the lines that hold a keyword of failure."""
    return [number for number, line in enumerate(log_lines(case.log), 1) if _KEYWORD.search(_text(line))]


def by_tail(case: LabelledLog) -> list[int]:
    """Return the last lines."""
    last = len(log_lines(case.log))
    return list(range(max(1, last - TAIL_LINES + 1), last + 1))


def pairs(occurrences: Sequence[Occurrence]) -> tuple[int, int, int]:
    """Return how many pairs were rightly joined, wrongly joined, and wrongly kept apart."""
    joined = astray = apart = 0
    for one, other in combinations(occurrences, 2):
        same, said = one.problem.id == other.problem.id, one.issue == other.issue
        joined += same and said
        astray += said and not same
        apart += same and not said
    return joined, astray, apart


def _text(line: str) -> str:
    return plain(_TIME.sub("", line))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def _verdict(value: float, bar: float) -> str:
    return f"{value:.3f} (bar {bar:.2f}: {'met' if value >= bar else 'MISSED'})"


def _picking_row(name: str, cases: Sequence[LabelledLog], pick: Callable[[LabelledLog], Iterable[int]]) -> str:
    scores = [scored(case, pick(case)) for case in cases]
    found, missed, extra = (sum(getattr(one, key) for one in scores) for key in ("found", "missed", "extra"))
    total = Picking(found, missed, extra)
    recall = sum(one.recall for one in scores) / len(scores)
    precision = sum(one.precision for one in scores) / len(scores)
    hit = sum(one.found > 0 for one in scores)
    return (
        f"  {name:34}{total.recall:8.3f}{total.precision:11.3f}{recall:12.3f}{precision:11.3f}{hit:8d} of {len(scores)}"
    )


def _table(title: str, outcome: Outcome, cases: Sequence[LabelledLog], key: Callable[[LabelledLog], str]) -> None:
    print(f"\n{title:24}{'logs':>6}{'recall':>9}{'precision':>11}{'cause':>8}")
    main = {one.case.name: one for one in reversed(outcome.occurrences)}
    rows: dict[str, list[LabelledLog]] = defaultdict(list)
    for case in cases:
        rows[key(case)].append(case)
    for name, members in sorted(rows.items()):
        scores = [scored(case, outcome.picked[case.name]) for case in members]
        recall = _share(sum(one.found for one in scores), sum(one.found + one.missed for one in scores))
        precision = _share(sum(one.found for one in scores), sum(one.found + one.extra for one in scores))
        right = sum(main[case.name].has_right_cause for case in members) / len(members)
        print(f"  {name:22}{len(members):6d}{recall:9.3f}{precision:11.3f}{right:8.2f}")


def report(cases: Sequence[LabelledLog], outcome: Outcome, bare: Outcome) -> None:
    """Print the figures beside their bars and peers."""
    print(f"\n  {'picking':34}{'recall':>8}{'precision':>11}{'macro rec.':>12}{'macro pr.':>11}{'logs hit':>12}")
    print(_picking_row("ours, beside the last passing log", cases, lambda case: outcome.picked[case.name]))
    print(_picking_row("ours, alone", cases, lambda case: bare.picked[case.name]))
    print(_picking_row("keywords", cases, by_keyword))
    print(_picking_row(f"the last {TAIL_LINES} lines", cases, by_tail))
    for name, one in (("beside the last passing log", outcome), ("alone", bare)):
        scores = [scored(case, one.picked[case.name]) for case in cases]
        recall = _share(sum(s.found for s in scores), sum(s.found + s.missed for s in scores))
        precision = _share(sum(s.found for s in scores), sum(s.found + s.extra for s in scores))
        joined, astray, apart = pairs(one.occurrences)
        f1 = _share(2 * joined, 2 * joined + astray + apart)
        right = _share(sum(_main(one, case).has_right_cause for case in cases), len(cases))
        print(f"\n{name}:")
        print(f"  picking recall       {_verdict(recall, RECALL_BAR)}")
        print(f"  picking precision    {_verdict(precision, PRECISION_BAR)}")
        print(f"  grouping F1          {_verdict(f1, GROUPING_BAR)}; {astray} pairs wrongly joined, {apart} kept apart")
        print(f"  cause                {_verdict(right, CAUSE_BAR)}")
        if one.failed:
            print(f"  errors               {len(one.failed)} logs: {one.failed}")
        print(f"  CPU                  {1000 * one.seconds / len(cases):.1f} ms a log")
    _table("by tool", outcome, cases, lambda case: case.tool)
    _table("by cause", outcome, cases, lambda case: case.problems[0].cause)


def report_misses(cases: Sequence[LabelledLog], outcome: Outcome) -> None:
    """Print each line missed or picked for nothing, each pair and each cause that is wrong."""
    for case in cases:
        lines, picked = log_lines(case.log), outcome.picked[case.name]
        score = scored(case, picked)
        if score.missed or score.extra:
            print(f"\n{case.name}: recall {score.recall:.2f}, precision {score.precision:.2f}")
        for number in sorted(case.error_lines - picked):
            print(f"  missed {number:5d}  {_text(lines[number - 1])[:140]}")
        for number in sorted(picked - case.error_lines - case.also_ok):
            if text := _text(lines[number - 1]).strip():
                print(f"  extra  {number:5d}  {text[:140]}")
    print()
    for one in outcome.occurrences:
        if not one.has_right_cause:
            said = repr(one.failure.headline[:100]) if one.failure else "no failure"
            print(f"cause: {one.case.name} is {one.problem.cause}, not {one.cause} ({one.problem.id}: {said})")
    for one, other in combinations(outcome.occurrences, 2):
        same = one.problem.id == other.problem.id
        if same != (one.issue == other.issue):
            word = "apart" if same else "joined"
            print(f"{word}: {one.case.name} ({one.problem.id}) and {other.case.name} ({other.problem.id})")


def _main(outcome: Outcome, case: LabelledLog) -> Occurrence:
    return next(one for one in outcome.occurrences if one.case is case)


def main() -> int:
    """Return 0: a benchmark reports, also when it falls short."""
    parser = argparse.ArgumentParser(description="What the analysis makes of the labelled failure logs.")
    parser.add_argument("--split", choices=SPLITS, action="append")
    parser.add_argument("--verbose", action="store_true", help="print each miss")
    options = parser.parse_args()
    for split in options.split or [split for split in SPLITS if (ROOT / split).exists()]:
        cases = read_split(split)
        problems = {problem.id for case in cases for problem in case.problems}
        green = sum(case.green is not None for case in cases)
        print(
            f"\n{split}: {len(cases)} failure logs of {len(problems)} problems, {green} with a passing log beside them"
        )
        outcome = analysed(cases, with_green=True)
        report(cases, outcome, analysed(cases, with_green=False))
        if options.verbose:
            report_misses(cases, outcome)
    return 0


if __name__ == "__main__":
    sys.exit(main())
