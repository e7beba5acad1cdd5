"""Run the candidates until one shows the error, and repeat that one: always, sometimes, or never."""

import time
from dataclasses import dataclass, field
from typing import Literal

from repo_agent_dagster.contracts.recreation import Attempt, ErrorSignature
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.recreation.candidates import Candidate
from repo_agent_dagster.pathways.recreation.confidence import Evidence, confidence
from repo_agent_dagster.pathways.recreation.matching import Match, compare
from repo_agent_dagster.pathways.recreation.running import HANG_SECONDS, Observation, Runner
from repo_agent_dagster.pathways.recreation.survey import Survey

SEARCH_SECONDS = 900.0
"""How long candidates are begun, where the sandbox lives long enough."""
TRIED_AGAIN = 3
"""Of the description's own candidates that did not show the error, so many are repeated: it may be flaky."""
_GOOD_ENOUGH = 0.8
_SEEN_LENGTH = 400


@dataclass(frozen=True)
class Found:
    """A candidate that showed the error, in `happened` of `runs` runs."""

    candidate: Candidate
    match: Match
    happened: int
    runs: int

    @property
    def is_certain(self) -> bool:
        """Whether it showed the error each time."""
        return self.happened == self.runs


@dataclass
class Search:
    """What the candidates gave: the best that showed the error, and all attempts with what was run and printed.

    `path` says who found it. `told` are the attempts whose candidates are the description's own.
    """

    found: Found | None = None
    path: Literal["rules", "model"] = "rules"
    attempts: list[Attempt] = field(default_factory=list)
    told: list[Attempt] = field(default_factory=list)
    scripts: list[Candidate] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def keep(self, candidate: Candidate, run: Observation, match: Match) -> Attempt:
        """Keep an attempt."""
        attempt = attempt_of(candidate, run, match)
        self.attempts.append(attempt)
        self.scripts.append(candidate)
        self.outputs.append(run.output)
        if candidate.is_told:
            self.told.append(attempt)
        return attempt


class Searcher:
    """Runs candidates and keeps what they gave."""

    def __init__(
        self, context: TaskContext, runner: Runner, signature: ErrorSignature, survey: Survey, *, repeats: int
    ) -> None:
        self.search = Search()
        self._context = context
        self._runner = runner
        self._signature = signature
        self._survey = survey
        self._repeats = repeats

    def search_all(self, candidates: list[Candidate], *, within_seconds: float = SEARCH_SECONDS) -> Search:
        """Run candidates in their order until one shows the error each time, well enough to need no better one.

        No further one is begun after `within_seconds`.
        """
        started = time.monotonic()
        quiet: list[Candidate] = []
        for number, candidate in enumerate(candidates):
            if time.monotonic() - started > within_seconds:
                left = len(candidates) - number
                self._context.think("reproduce", f"time is up after {within_seconds:.0f} s: {left} were not run")
                break
            match = self.attempt(candidate)
            if not match.is_shown:
                if candidate.is_told and match.outcome in ("no_error", "near", "other_error"):
                    quiet.append(candidate)
                continue
            self.repeat(candidate, match)
            if self._is_enough():
                return self.search
        if self.search.found is None:
            self._try_again(quiet[:TRIED_AGAIN])
        return self.search

    def attempt(self, candidate: Candidate) -> Match:
        """Run a candidate once, compare it, and keep both."""
        run = self._runner.run(candidate, timeout_seconds=self._limit())
        match = compare(self._signature, candidate, run, self._survey)
        self._context.think("reproduce", _thought(self.search.keep(candidate, run, match)))
        return match

    def repeat(self, candidate: Candidate, match: Match, *, runs: int = 1, happened: int = 1) -> Found:
        """Run a candidate that showed the error as often as the task asks, and keep it if it is the best so far."""
        while runs < self._repeats:
            run = self._runner.run(candidate, timeout_seconds=self._limit())
            runs += 1
            happened += compare(self._signature, candidate, run, self._survey).is_shown
        found = Found(candidate, match, happened, runs)
        self._context.think("reproduce", f"{candidate.origin} showed it in {happened} of {runs} runs")
        if self.search.found is None or worth(found) > worth(self.search.found):
            self.search.found = found
        return found

    def _try_again(self, quiet: list[Candidate]) -> None:
        for candidate in quiet:
            for runs in range(2, self._repeats + 1):
                run = self._runner.run(candidate, timeout_seconds=self._limit())
                match = compare(self._signature, candidate, run, self._survey)
                if match.is_shown:
                    self.search.keep(candidate, run, match)
                    self.repeat(candidate, match, runs=runs, happened=1)
                    return

    def _is_enough(self) -> bool:
        found = self.search.found
        return found is not None and found.is_certain and worth(found) >= _GOOD_ENOUGH - _weakness(self._signature)

    def _limit(self) -> float | None:
        return min(HANG_SECONDS, self._runner.timeout_seconds) if self._signature.symptom == "hang" else None


def worth(found: Found) -> float:
    """Return what a found candidate is worth, by the rules of confidence."""
    return confidence(evidence_of(found, test_fails=True))[0]


def evidence_of(found: Found, *, test_fails: bool) -> Evidence:
    """Return what the confidence is worked out from."""
    return Evidence(
        parts=found.match.parts,
        happened=found.happened,
        runs=found.runs,
        is_repaired=bool(found.candidate.repairs) and not found.candidate.is_asserting,
        is_told=found.candidate.is_told,
        is_in_repository=found.match.is_in_repository,
        test_fails=test_fails,
    )


def attempt_of(candidate: Candidate, run: Observation, match: Match) -> Attempt:
    """Return a run as results keep it."""
    return Attempt(
        origin=candidate.origin,
        kind=candidate.kind,
        command=candidate.text if candidate.kind == "shell" else run.command,
        exit_code=run.exit_code,
        outcome=match.outcome,
        matched=list(match.parts),
        seen=match.seen[:_SEEN_LENGTH],
        repairs=list(candidate.repairs),
        duration_seconds=round(run.seconds, 3),
    )


def _weakness(signature: ErrorSignature) -> float:
    """Where little was told nothing can match well: do not look for what cannot be found."""
    told = sum(1 for one in (signature.exception, signature.message, signature.frame) if one)
    return 0.3 if signature.symptom != "exception" or told < 2 else 0.0


def _thought(attempt: Attempt) -> str:
    seen = f": {attempt.seen}" if attempt.seen else ""
    what = {
        "shown": f"shows the error sought ({', '.join(attempt.matched)})",
        "near": "shows something like it, but not the same",
        "other_error": "ends in another error",
        "own_error": "is itself at fault",
        "no_error": "ends without the error",
        "timed_out": "does not end in time",
    }[attempt.outcome]
    repaired = f" after repairs ({'; '.join(attempt.repairs)})" if attempt.repairs else ""
    return f"{attempt.origin}{repaired} {what}{seen}"
