"""The verdict on a recreation, its reasons, and how sure it is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.recreation import Attempt, ErrorSignature, RecreationVerdict
from repo_agent_dagster.pathways.recreation.confidence import (
    NOT_REPRODUCED_OTHER,
    NOT_REPRODUCED_TOLD,
    UNCLEAR,
    confidence,
)
from repo_agent_dagster.pathways.recreation.searching import Search, evidence_of


@dataclass(frozen=True)
class Judgement:
    """A verdict with sentences for people, the first of which says the most, and the confidence with its reasons."""

    verdict: RecreationVerdict
    reasons: tuple[str, ...]
    confidence: float
    confidence_reasons: tuple[str, ...] = ()


def judge(signature: ErrorSignature, search: Search, *, test_fails: bool) -> Judgement:
    """Return the verdict on what the candidates gave."""
    found = search.found
    if found is not None:
        value, why = confidence(evidence_of(found, test_fails=test_fails))
        happened = f"{found.happened} of {found.runs} runs"
        said = f"{found.candidate.origin} shows it in {happened}: {found.match.seen}"
        if found.is_certain:
            return Judgement(
                RecreationVerdict.REPRODUCED, (f"The error happens. {_sentence(said)}",), value, tuple(why)
            )
        reason = f"The error happens now and then. {_sentence(said)}"
        return Judgement(RecreationVerdict.FLAKY, (reason,), value, tuple(why))
    return _without(signature, search.attempts, search.told)


def _without(signature: ErrorSignature, attempts: Sequence[Attempt], told: Sequence[Attempt]) -> Judgement:
    unclear = RecreationVerdict.UNCLEAR
    if not attempts:
        reason = (
            "The description holds nothing that could be run: no code, no command, no test, no traceback with a call"
        )
        return Judgement(unclear, (f"{reason}.",), UNCLEAR)
    if signature.symptom == "unknown":
        seen = next((one for one in attempts if one.seen), None)
        what = f"; {seen.origin} ended in {seen.seen}" if seen else ""
        reason = "The description does not say what goes wrong in words that a program could be compared with"
        return Judgement(unclear, (f"{reason}{what}. Give expectedError.",), UNCLEAR)
    near = next((one for one in attempts if one.outcome == "near"), None)
    if near is not None:
        reason = f"Something like it happens, but not the same: {near.origin} gave {near.seen}"
        return Judgement(unclear, (_sentence(reason), f"Sought: {told_in_words(signature)}."), UNCLEAR)
    if all(one.outcome == "timed_out" for one in attempts):
        reason = f"No candidate ended in time ({len(attempts)} were run)."
        return Judgement(RecreationVerdict.TIMED_OUT, (reason,), UNCLEAR)
    quiet = [one for one in told if one.outcome == "no_error"]
    if quiet:
        reason = f"{quiet[0].origin} runs to its end without the error, each time"
        return Judgement(
            RecreationVerdict.NOT_REPRODUCED,
            (f"The error does not happen: {_sentence(reason)}", f"Sought: {told_in_words(signature)}."),
            NOT_REPRODUCED_TOLD,
            (f"{NOT_REPRODUCED_TOLD:.2f}: the description's own code runs without the error",),
        )
    others = [one for one in told if one.outcome == "other_error"]
    if others:
        reason = f"Another error comes instead: {others[0].origin} gave {others[0].seen}"
        return Judgement(
            RecreationVerdict.NOT_REPRODUCED,
            (_sentence(reason), f"Sought: {told_in_words(signature)}."),
            NOT_REPRODUCED_OTHER,
            (f"{NOT_REPRODUCED_OTHER:.2f}: the description's own code ends in another error",),
        )
    own = next((one for one in attempts if one.outcome == "own_error"), None)
    why = f"; {own.origin} gave {own.seen}" if own else ""
    reason = f"Nothing of what the description gives could be run as it is{why}"
    return Judgement(unclear, (_sentence(reason), f"Sought: {told_in_words(signature)}."), UNCLEAR)


def told_in_words(signature: ErrorSignature) -> str:
    """Return the signature as a phrase."""
    if signature.symptom == "hang":
        return "a run that does not end"
    if signature.symptom == "not_raised":
        return f"a missing {signature.expected}"
    if signature.symptom == "failing_test":
        return "the failure of a test that is named"
    if signature.symptom in ("wrong_value", "wrong_output"):
        came = f", where {signature.actual!r} comes" if signature.actual else ""
        return f"something else than {signature.expected!r}{came}" if signature.expected else "a failing assertion"
    message = f": {signature.message}" if signature.message and signature.exception else signature.message
    return f"{signature.exception}{message}{f' in {signature.frame}' if signature.frame else ''}" or "an error"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
