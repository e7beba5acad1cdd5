"""How sure a verdict is: a table, looked up; nobody's own word. Pure. docs/error-recreation.md shows the same table."""

from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.recreation import MatchedPart


@dataclass(frozen=True)
class Rule:
    """What a match that has one of each of these parts is worth; `words` say it."""

    parts: tuple[tuple[MatchedPart, ...], ...]
    value: float
    words: str


_TYPE: tuple[MatchedPart, ...] = ("exception", "subclass")
_MESSAGE: tuple[MatchedPart, ...] = ("message", "message_pattern")

RULES = (
    Rule((_TYPE, _MESSAGE, ("frame",)), 0.95, "type, message and innermost frame are as described"),
    Rule((("value",),), 0.95, "the value or output is as described, and not what is expected"),
    Rule((("crash",),), 0.9, "the same signal ends it"),
    Rule((_TYPE, _MESSAGE, ("file",)), 0.9, "type and message are as described, in the same file"),
    Rule((_TYPE, _MESSAGE), 0.85, "type and message are as described"),
    Rule((_MESSAGE, ("frame",)), 0.85, "message and innermost frame are as described"),
    Rule((_TYPE, ("frame",)), 0.8, "type and innermost frame are as described"),
    Rule((("failure",),), 0.8, "the test that the description names fails"),
    Rule((_MESSAGE,), 0.7, "the message is as described; the type was not told"),
    Rule((_TYPE, ("file",)), 0.65, "the type is as described, in the same file"),
    Rule((("hang",),), 0.65, "it does not end in time, as described"),
    Rule((_TYPE,), 0.6, "the type is as described; nothing else was told"),
    Rule((("other_value",),), 0.55, "the value is not what is expected, but another than described"),
)
"""The first that fits counts."""

PATTERN = -0.05
SUBCLASS = -0.05
REPAIRED = -0.05
NOT_TOLD = -0.05
OUTSIDE = -0.2
UNPROVEN_TEST = -0.1

NOT_REPRODUCED_TOLD = 0.7
"""The description's own code ran to its end, in all repeats, without the error."""
NOT_REPRODUCED_OTHER = 0.4
"""The description's own code ended in another error."""
UNCLEAR = 0.0


@dataclass(frozen=True)
class Evidence:
    """What the confidence of a reproduction is worked out from."""

    parts: Sequence[MatchedPart]
    happened: int
    runs: int
    is_repaired: bool
    is_told: bool
    is_in_repository: bool
    test_fails: bool


def confidence(evidence: Evidence) -> tuple[float, list[str]]:
    """Return the confidence that the described error was made to happen, from 0 to 1, and how it comes about."""
    rule = next(
        (rule for rule in RULES if all(set(options) & set(evidence.parts) for options in rule.parts)),
        Rule((), 0.3, "it is like the described error in nothing that can be compared"),
    )
    value, reasons = rule.value, [f"{rule.value:.2f}: {rule.words}"]
    for applies, change, words in (
        ("message_pattern" in evidence.parts, PATTERN, "the message differs in numbers, paths or addresses"),
        ("subclass" in evidence.parts, SUBCLASS, "the type is derived from the one described"),
        (evidence.is_repaired, REPAIRED, "the description's code had to be changed to run"),
        (not evidence.is_told, NOT_TOLD, "the candidate is not the description's own"),
        (not evidence.is_in_repository, OUTSIDE, "no code of the repository is in the traceback"),
        (not evidence.test_fails, UNPROVEN_TEST, "no test file could be shown to fail with it"),
    ):
        if applies:
            value += change
            reasons.append(f"{change:+.2f}: {words}")
    if evidence.happened < evidence.runs:
        share = evidence.happened / evidence.runs
        value *= share
        reasons.append(f"× {share:.2f}: it happened in {evidence.happened} of {evidence.runs} runs")
    return round(min(max(value, 0.05), 1.0), 2), reasons
