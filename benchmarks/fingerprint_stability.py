"""See the same failures night after night: how many open an issue anew, and how many land in another problem's issue.

    python -m benchmarks.fingerprint_stability [--nights 30] [--verbose]

More than 300 problems of many tools, those of four kinds in one place, each on most nights, once or twice, with new
ids, ports, times, paths, line numbers, hashes and sizes, and in a new order. They are written as logs, read by the
analysis as a scan reads them, grouped, and looked up in what is known, as the table of issues does; the miners' states
are kept from night to night as in the store.

Of each problem's occurrences after its first night, *reopened* are those that opened an issue of their own.
*Wrongly joined* are the occurrences that are in an issue which another problem opened. Bars: 1 % and 2 %.

The candidates: the template string, a hash of the headline's words and the cluster's id, each with the place, and ours.
`seen` are the problems that the rules were tried on, `held out` those that were written after them. Two more show what
the rules do not do, and have no bar: `with names` are problems in which people's names vary, which no mask knows (each
of the first twenty opens an issue, then they are a variable); `one spot` are problems that one function throws with one
class, or that break one rule in one file (they are one issue).
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks._nightly_failures import SOURCE, Problem, failures_of_night, problems_of
from benchmarks._nightly_phrases import HELD_OUT, NAMED, ONE_SPOT, SEEN
from repo_agent_dagster.ops.analysis.grouping import group
from repo_agent_dagster.ops.analysis.masking import pattern, word_tokens
from repo_agent_dagster.ops.analysis.model import Failure
from repo_agent_dagster.ops.analysis.templates import TemplateMiner

REOPENED_BAR, JOINED_BAR = 0.01, 0.02

Night = Sequence[tuple[str, Failure]]
Named = Iterable[tuple[tuple[str, ...], Sequence[str]]]
"""What a night's scan finds: the names by which an incident is known, and the problems of its failures."""


class Miner:
    """The miner of all nights, kept between them as plain JSON."""

    def __init__(self) -> None:
        self._state: str | None = None

    def lend(self) -> TemplateMiner:
        """Return the miner as the last night left it."""
        return TemplateMiner() if self._state is None else TemplateMiner.from_state(json.loads(self._state))

    def keep(self, miner: TemplateMiner) -> None:
        """Keep what a night has learnt."""
        self._state = json.dumps(miner.to_state())


def ours(night: Night, miner: TemplateMiner) -> Named:
    """Yield the incidents, as `group` makes them."""
    problem_of = {failure.run_id: problem for problem, failure in night}
    for incident in group((failure for _, failure in night), lambda _source: miner):
        names = (incident.fingerprint.value, *incident.fingerprint.aliases)
        yield names, [problem_of[run.run_id] for run in incident.runs]


def by_template(night: Night, miner: TemplateMiner) -> Named:
    """Yield each failure, known by its place and its template's text."""
    lines = [pattern(failure.headline) for _, failure in night]
    for line in lines:
        miner.learn(line)
    for (problem, failure), line in zip(night, lines, strict=True):
        yield (f"{failure.place.name} {miner.learn(line).text}",), [problem]


def by_words(night: Night, _miner: TemplateMiner) -> Named:
    """Yield each failure, known by its place and the words of its headline."""
    for problem, failure in night:
        yield (f"{failure.place.name} {word_tokens(failure.headline)}",), [problem]


def by_cluster(night: Night, miner: TemplateMiner) -> Named:
    """Yield each failure, known by its place and its cluster's id."""
    for problem, failure in night:
        yield (f"{failure.place.name} {miner.learn_id(pattern(failure.headline))}",), [problem]


CANDIDATES: dict[str, Callable[[Night, TemplateMiner], Named]] = {
    "template string": by_template,
    "hash of the words": by_words,
    "id of the cluster": by_cluster,
    "ours": ours,
}


@dataclass(slots=True)
class Tally:
    """Issues as a table of them would be, and what went wrong in them."""

    issue_of: dict[str, int] = field(default_factory=dict)
    opened_by: list[str] = field(default_factory=list)
    met: set[str] = field(default_factory=set)
    occurrences: int = 0
    later: int = 0
    reopened: Counter[str] = field(default_factory=Counter)
    joined: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, named: Named) -> None:
        """Look a night's incidents up, and open an issue for those that are not known."""
        before = set(self.met)
        new: dict[str, set[int]] = defaultdict(set)
        for names, problems in named:
            issue = next((self.issue_of[name] for name in names if name in self.issue_of), None)
            if issue is None:
                issue = len(self.opened_by)
                self.opened_by.append(Counter(problems).most_common(1)[0][0])
                new[self.opened_by[issue]].add(issue)
            for name in names:
                self.issue_of.setdefault(name, issue)
            for problem in problems:
                self.occurrences += 1
                self.later += problem in before
                if problem != self.opened_by[issue]:
                    self.joined[problem, self.opened_by[issue]] += 1
                self.met.add(problem)
        for problem, issues in new.items():
            self.reopened[problem] += len(issues) if problem in before else len(issues) - 1

    @property
    def shares(self) -> tuple[float, float]:
        """The share of later occurrences that opened an issue, and of all that are in another problem's."""
        return self.reopened.total() / max(1, self.later), self.joined.total() / max(1, self.occurrences)


def measured(problems: Sequence[Problem], nights: int, candidate: Callable[[Night, TemplateMiner], Named]) -> Tally:
    """Run all nights with one candidate."""
    tally, kept = Tally(), Miner()
    for number in range(nights):
        night = list(failures_of_night(problems, number))
        assert {failure.source for _, failure in night} <= {SOURCE}
        miner = kept.lend()
        tally.add(candidate(night, miner))
        kept.keep(miner)
    return tally


def main() -> None:
    """Print both shares for each candidate on both halves, beside the bars."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--verbose", action="store_true", help="each problem that went wrong with ours")
    arguments = parser.parse_args()
    halves = {
        "seen": problems_of(SEEN, "s"),
        "held out": problems_of(HELD_OUT, "h"),
        "with names": problems_of(NAMED, "n"),
        "one spot": problems_of(ONE_SPOT, "o"),
    }
    print(f"{sum(len(problems) for problems in halves.values())} problems, {arguments.nights} nights")
    for half, problems in halves.items():
        for name, candidate in CANDIDATES.items():
            tally = measured(problems, arguments.nights, candidate)
            reopened, joined = tally.shares
            verdicts = ("", "")
            if name == "ours" and half in ("seen", "held out"):
                verdicts = tuple(
                    f" (bar {bar:.0%}: {'met' if share < bar else 'NOT met'})"
                    for share, bar in ((reopened, REOPENED_BAR), (joined, JOINED_BAR))
                )
            print(
                f"  {half:10} {name:18} {len(problems)} problems in {len(tally.opened_by):4} issues, of"
                f" {tally.occurrences} occurrences reopened {reopened:6.2%}{verdicts[0]},"
                f" wrongly joined {joined:6.2%}{verdicts[1]}"
            )
            if name == "ours" and arguments.verbose:
                _tell(problems, tally)


def _tell(problems: Sequence[Problem], tally: Tally) -> None:
    text_of = {problem.name: problem.text.replace("\n", " ")[:150] for problem in problems}
    for problem, times in tally.reopened.most_common():
        if times:
            print(f"    reopened {times}: {problem} {text_of[problem]}")
    for (problem, other), times in tally.joined.most_common():
        print(f"    joined {times}: {problem} to {other}: {text_of[problem]}")


if __name__ == "__main__":
    main()
