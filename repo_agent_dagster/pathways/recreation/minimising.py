"""Make the candidate that showed the error minimal, and a test file that fails with it, in the sandbox, by a budget."""

import time
from dataclasses import dataclass, replace

from repo_agent_dagster.contracts.recreation import ErrorSignature
from repo_agent_dagster.pathways.recreation.candidates import Candidate
from repo_agent_dagster.pathways.recreation.failing_test import ReproTest, reproduction_tests
from repo_agent_dagster.pathways.recreation.matching import Match, compare, own_frames
from repo_agent_dagster.pathways.recreation.reading.blocks import parses_as_python
from repo_agent_dagster.pathways.recreation.reading.messages import masked, plain
from repo_agent_dagster.pathways.recreation.reading.signature import repository_frame
from repo_agent_dagster.pathways.recreation.reduction import node_levels, python_levels, reduce_script
from repo_agent_dagster.pathways.recreation.running import HANG_SECONDS, Runner, argv_of_test
from repo_agent_dagster.pathways.recreation.survey import Survey

MOST_RUNS = 120
MOST_SECONDS = 240.0
_HANG_RUNS = 8


@dataclass(frozen=True)
class Reduced:
    """The smallest script found, how many statements' lines went, and what it took."""

    candidate: Candidate
    lines_before: int
    lines_after: int
    runs: int
    is_complete: bool


def minimise(
    runner: Runner,
    candidate: Candidate,
    match: Match,
    signature: ErrorSignature,
    survey: Survey,
    *,
    within_seconds: float = MOST_SECONDS,
) -> Reduced:
    """Leave out what the candidate does not need to show exactly what it showed; a shell command stays as it is."""
    lines = _lines(candidate.text)
    if candidate.kind == "shell" or (candidate.kind == "test" and not candidate.suffix):
        return Reduced(candidate, lines, lines, 0, is_complete=False)
    if any(part not in candidate.text for part in candidate.keeps):  # put into a function, with other indentation
        return Reduced(candidate, lines, lines, 0, is_complete=False)
    is_python = candidate.suffix == ".py"
    most = _HANG_RUNS if signature.symptom == "hang" else MOST_RUNS
    started, runs, spent = time.monotonic(), 0, False
    known: dict[str, bool] = {}
    wanted = fingerprint(match, survey)

    def shows(text: str) -> bool:
        nonlocal runs, spent
        if text in known:
            return known[text]
        if any(part not in text for part in candidate.keeps) or (is_python and not parses_as_python(text)):
            return False
        if runs >= most or time.monotonic() - started > within_seconds:
            spent = True
            return False
        runs += 1
        tried = replace(candidate, text=text)
        found = compare(signature, tried, runner.run(tried, timeout_seconds=_patience(runner, signature)), survey)
        known[text] = found.is_shown and fingerprint(found, survey) == wanted
        return known[text]

    levels = python_levels if is_python else node_levels
    text = reduce_script(candidate.text, levels, shows).strip("\n") + "\n"
    return Reduced(replace(candidate, text=text), lines, _lines(text), runs, is_complete=not spent)


def prove_test(
    runner: Runner, candidate: Candidate, match: Match, signature: ErrorSignature, title: str, survey: Survey
) -> tuple[ReproTest | None, bool]:
    """Return the test file and whether it was seen to fail with the error; of several forms the first that does."""
    patience = min(HANG_SECONDS, runner.timeout_seconds)
    forms = reproduction_tests(candidate, signature, match.seen, title, survey, patience_seconds=patience)
    for test in forms:
        if test.is_kept:
            return test, True
        if fails_with(runner, test, candidate, signature, survey):
            return test, True
    return (forms[0], False) if forms else (None, False)


def fails_with(
    runner: Runner, test: ReproTest, candidate: Candidate, signature: ErrorSignature, survey: Survey
) -> bool:
    """Whether the test file, run by its runner, fails, and with the error that it is about."""
    return try_test(runner, test, candidate, signature, survey).is_shown


def try_test(runner: Runner, test: ReproTest, candidate: Candidate, signature: ErrorSignature, survey: Survey) -> Match:
    """Run the test file and compare what it shows with the signature."""
    file = test.path if test.text else ""
    # A test that waits for what hangs takes longer than that.
    limit = 2 * HANG_SECONDS + runner.timeout_seconds if signature.symptom == "hang" else None
    run = runner.run_file(file, test.text, argv_of_test(test.target), timeout_seconds=limit)
    if run.exit_code == 0:
        return Match("no_error")
    if run.exit_code != 1 and candidate.kind != "test":  # of a test file of the description, its import may fail
        return Match("timed_out" if run.timed_out else "own_error")
    if signature.symptom in ("crash", "hang"):
        # Its script runs in a process of its own, whose end the test tells.
        told = "TimeoutExpired" if signature.symptom == "hang" else "returncode"
        shown = told in run.output or "ETIMEDOUT" in run.output or "AssertionError" in run.output
        return Match("shown" if shown else "other_error", (), "")
    as_test = replace(candidate, kind="test" if candidate.kind != "shell" else "shell")
    if candidate.kind == "shell" and signature.symptom in ("wrong_value", "wrong_output"):
        return Match("shown" if "AssertionError" in run.output else "other_error", (), "")
    return compare(signature, as_test, run, survey)


def fingerprint(match: Match, survey: Survey) -> tuple[str, ...]:
    """Return what two runs that show the same error have in common: type, message pattern, innermost frame."""
    error = match.error
    if error is None:
        return (*match.parts, match.seen if "hang" not in match.parts else "")
    # In an assertion's message the values are what matters.
    message = plain(error.message) if error.name == "AssertionError" else masked(error.message)
    return (error.name, message, repository_frame(own_frames(error.frames), survey))


def _patience(runner: Runner, signature: ErrorSignature) -> float | None:
    return min(HANG_SECONDS, runner.timeout_seconds) if signature.symptom == "hang" else None


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())
