"""How near a run came to the signature of the error sought. Pure."""

import ast
import re
from dataclasses import dataclass

from repo_agent_dagster.contracts.recreation import AttemptOutcome, ErrorSignature, MatchedPart
from repo_agent_dagster.pathways.recreation.candidates import Candidate
from repo_agent_dagster.pathways.recreation.exception_types import is_a
from repo_agent_dagster.pathways.recreation.reading.messages import likeness, plain
from repo_agent_dagster.pathways.recreation.reading.shown_errors import Frame, ShownError
from repo_agent_dagster.pathways.recreation.reading.signature import repository_frame
from repo_agent_dagster.pathways.recreation.running import SCRIPT, Observation
from repo_agent_dagster.pathways.recreation.survey import Survey

# What a snippet does wrong by itself, when it comes from the snippet and not from the repository.
_OWN_ERRORS = frozenset(
    {"ModuleNotFoundError", "ImportError", "SyntaxError", "IndentationError", "TabError", "NameError", "ReferenceError"}
)
_NODE_MISSING = re.compile(r"Cannot find (?:module|package) '|ERR_MODULE_NOT_FOUND")
_COMMAND_MISSING = (126, 127)
_PYTEST_NOTHING = (2, 3, 4, 5)


@dataclass(frozen=True)
class Match:
    """How a run compares with the signature.

    `seen` is the error that it showed, in one line; `error` the same, whole. `is_in_repository` says that code of the
    repository took part in it.
    """

    outcome: AttemptOutcome
    parts: tuple[MatchedPart, ...] = ()
    seen: str = ""
    error: ShownError | None = None
    is_in_repository: bool = False

    @property
    def is_shown(self) -> bool:
        """Whether it is the error sought."""
        return self.outcome == "shown"


def compare(signature: ErrorSignature, candidate: Candidate, run: Observation, survey: Survey) -> Match:
    """Compare a candidate's run with the signature."""
    if signature.symptom == "hang":
        if run.timed_out:
            return Match("shown", ("hang",), f"did not end in {run.seconds:.0f} s", None, is_in_repository=True)
    elif run.timed_out:
        return Match("timed_out", (), f"did not end in {run.seconds:.0f} s")
    if signature.symptom == "crash" and run.signal == signature.exception:
        return Match("shown", ("crash",), f"ended by {run.signal}", None, is_in_repository=True)
    if signature.symptom == "failing_test" and candidate.kind == "test" and run.exit_code == 1:
        return _told("shown", ("failure",), _last(run), survey, run)
    if candidate.is_asserting and signature.symptom in ("wrong_value", "wrong_output", "not_raised"):
        return _compare_assertion(signature, run, survey)
    if signature.symptom in ("wrong_value", "wrong_output") and candidate.kind == "shell":
        return _compare_output(signature, run)
    if signature.symptom == "exception":
        return _compare_exception(signature, candidate, run, survey)
    if signature.symptom in ("wrong_value", "wrong_output", "not_raised") and candidate.kind == "test":
        return _compare_foreign_assertion(signature, run, survey)
    rest = _no_match(candidate, run, survey)
    if signature.symptom == "unknown" and rest.outcome == "other_error" and rest.is_in_repository:
        return Match("near", (), rest.seen, rest.error, rest.is_in_repository)
    return rest


def _compare_exception(signature: ErrorSignature, candidate: Candidate, run: Observation, survey: Survey) -> Match:
    matches = [_compare_error(signature, error, survey) for error in run.errors]
    shown = [match for match in matches if match.is_shown]
    if shown:
        return max(shown, key=lambda match: len(match.parts))
    near = [match for match in matches if match.outcome == "near"]
    own = _no_match(candidate, run, survey)
    if near and own.outcome != "own_error":
        return near[-1]
    if not signature.exception and run.exit_code not in (0, None) and likeness(signature.message, run.output):
        # A command-line tool that says what is wrong without a traceback.
        return Match("shown", ("message",), signature.message, None, is_in_repository=False)
    return own


def _compare_error(signature: ErrorSignature, error: ShownError, survey: Survey) -> Match:
    parts: list[MatchedPart] = []
    if signature.exception:
        if error.name == signature.exception:
            parts.append("exception")
        elif is_a(error.name, signature.exception, survey.bases):
            parts.append("subclass")
    alike = likeness(signature.message, error.message) if signature.message else None
    if alike:
        parts.append("message" if alike == "exact" else "message_pattern")
    place = repository_frame(own_frames(error.frames), survey)
    if signature.frame and place:
        if place == signature.frame:
            parts.append("frame")
        elif place.partition(":")[0] == signature.frame.partition(":")[0]:
            parts.append("file")
    has_type = bool({"exception", "subclass"} & set(parts)) or not signature.exception
    is_shown = has_type and (
        alike is not None
        or (
            not signature.message
            and bool(signature.exception)
            and (not signature.frame or "frame" in parts or "file" in parts)
        )
        or (bool(signature.exception) and "frame" in parts)
    )
    is_near = bool(set(parts) - {"file"}) and not is_shown
    outcome: AttemptOutcome = "shown" if is_shown else "near" if is_near else "other_error"
    return Match(outcome, tuple(parts), error.line, error, bool(place))


def _compare_assertion(signature: ErrorSignature, run: Observation, survey: Survey) -> Match:
    errors = [error for error in run.errors if error.name == "AssertionError"]
    if not errors or run.exit_code == 0:
        return _no_match(None, run, survey)
    error = errors[-1]
    got = re.search(r"(?:, |^)got (.*)$", error.message, re.DOTALL)
    as_told = not signature.actual or (got is not None and _same_value(signature.actual, got[1]))
    return Match("shown", ("value" if as_told else "other_value",), error.line, error, is_in_repository=True)


def _compare_foreign_assertion(signature: ErrorSignature, run: Observation, survey: Survey) -> Match:
    """Compare with an assertion that we did not write: it has to be about the values that were told."""
    match = _compare_assertion(signature, run, survey)
    if not match.is_shown or match.error is None:
        return match
    told = [value for value in (signature.expected, signature.actual) if value]
    as_told = bool(told) and all(plain(value) in plain(match.error.message) for value in told)
    return Match("shown", ("value" if as_told else "other_value",), match.seen, match.error, match.is_in_repository)


def _compare_output(signature: ErrorSignature, run: Observation) -> Match:
    printed = _lines(run.output)
    if signature.expected and _lines(signature.expected) in printed:
        return Match("no_error", (), "")
    if signature.actual and _lines(signature.actual) in printed:
        return Match("shown", ("value",), _lines(signature.actual)[:200], None, is_in_repository=True)
    if run.exit_code in _COMMAND_MISSING:
        return Match("own_error", (), run.output.strip()[-200:])
    return Match("near", (), printed[-200:])


def _no_match(candidate: Candidate | None, run: Observation, survey: Survey) -> Match:
    error = _last(run)
    if run.exit_code == 0:
        return Match("no_error", (), error.line if error else "", error)
    if error is None:
        missing = run.exit_code in _COMMAND_MISSING
        is_test = candidate is not None and candidate.kind == "test"
        nothing = is_test and run.exit_code in _PYTEST_NOTHING
        said = f"ended with exit code {run.exit_code}"
        return Match("own_error" if missing or nothing else "other_error", (), said)
    frames = own_frames(error.frames)
    place = repository_frame(frames, survey)
    is_own = (error.name in _OWN_ERRORS and not place) or (
        _NODE_MISSING.search(error.message) is not None and not place
    )
    return Match("own_error" if is_own else "other_error", (), error.line, error, bool(place))


def _told(
    outcome: AttemptOutcome, parts: tuple[MatchedPart, ...], error: ShownError | None, survey: Survey, run: Observation
) -> Match:
    place = repository_frame(own_frames(error.frames), survey) if error else ""
    return Match(outcome, parts, error.line if error else f"ended with exit code {run.exit_code}", error, bool(place))


def _last(run: Observation) -> ShownError | None:
    return run.errors[-1] if run.errors else None


def own_frames(frames: tuple[Frame, ...]) -> list[Frame]:
    """Return the frames without those of the script that was run."""
    return [frame for frame in frames if SCRIPT not in frame.file]


def _same_value(told: str, seen: str) -> bool:
    if _lines(told) == _lines(seen) or _lines(told).strip("'\"") == _lines(seen).strip("'\""):
        return True
    try:
        return bool(ast.literal_eval(told) == ast.literal_eval(seen))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    try:  # what a program printed is told as it was printed, and seen as its representation
        return _lines(str(ast.literal_eval(seen))) == _lines(told)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False


def _lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
