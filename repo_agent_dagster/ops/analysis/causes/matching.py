"""Which rule explains a failure best."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from repo_agent_dagster.contracts.ops import CauseName
from repo_agent_dagster.ops.analysis.causes.rulebook import ReadyClues, ReadyRule, rulebook
from repo_agent_dagster.ops.analysis.model import Failure, Line
from repo_agent_dagster.ops.text_clues import Told

MAX_CHARACTERS = 12_000
"""Only so much of a failure is looked at: its beginning and its end."""
MAX_LINE = 600
_IN_HEADLINE = 8
_AROUND = -4
_MOST_SEEN = 200
_WEAK = 45
"""A cause that weighs less is a guess: then what stands around the failure is looked at by every rule."""
_FAR = -30


@dataclass(frozen=True, slots=True)
class Cause:
    """The likely cause of a failure: the rule that says so, with its reason and how sure it is (0 to 1).

    `evidence` is the line that it goes by, as it stands in the log: untrusted, to be shown as such.
    """

    name: CauseName
    reason: str
    confidence: float
    rule: str | None = None
    evidence: str | None = None


UNKNOWN = Cause(CauseName.UNKNOWN, "no rule knows this failure", 0.0)


def cause_of(failure: Failure) -> Cause:
    """Return the likely cause of a failure by the rule library; `unknown` where no rule holds."""
    seen = _Seen(failure)
    best = _best(seen, None)
    if (best is None or best[0] < _WEAK) and (failure.before or failure.after):
        seen.is_wide = True
        best = _best(seen, best)
    if best is None:
        return UNKNOWN
    weight, rule, at = best
    confidence = min(max(weight, 1), 99) / 100
    return Cause(rule.spec.cause, rule.spec.because, confidence, rule.spec.id, seen.line_at(at) or None)


def _best(seen: "_Seen", best: tuple[int, ReadyRule, int] | None) -> tuple[int, ReadyRule, int] | None:
    for rule in rulebook():
        if best is not None and rule.spec.weight + _IN_HEADLINE <= best[0]:
            break  # the rules come by weight: none of those left can be better
        score = _score(rule, seen)
        if score is not None and (best is None or score[0] > best[0]):
            best = (score[0], rule, score[1])
    return best


def holds(rule_id: str, failure: Failure) -> bool:
    """Tell whether one rule, by its id, holds for a failure, whatever others say."""
    [rule] = [one for one in rulebook() if one.spec.id == rule_id]
    return _score(rule, _Seen(failure)) is not None


class _Seen:
    """A failure as rules look at it: the headline, its lines, then what stands around it, as one text."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        self.is_wide = False
        headline = failure.headline[:MAX_LINE]
        self.headline_end = len(headline)
        self.text = f"{headline}\n{_shortened(line.text for line in failure.lines)}"
        self.command = Told((failure.command or "")[:MAX_LINE].lower())
        outcome = failure.meta.get("outcome")
        self.outcome = outcome if isinstance(outcome, str) else None
        self.exception = (failure.exception or "").rpartition(".")[2]

    @cached_property
    def told(self) -> Told:
        return Told(_lowered(self.text))

    @cached_property
    def told_around(self) -> Told:
        return Told(_lowered(self._around))

    @property
    def _around(self) -> str:
        return _shortened(line.text for line in _nearest(self.failure.before, self.failure.after))

    def line_at(self, position: int) -> str:
        """Return the line that a position is in; beyond the text it is one of those around."""
        if position > len(self.text):
            text = self._around
            position -= len(self.text) + 1
        else:
            text = self.text
        start = text.rfind("\n", 0, position) + 1
        end = text.find("\n", position)
        return text[start : end if end >= 0 else None].strip()[:_MOST_SEEN]


def _score(rule: ReadyRule, seen: _Seen) -> tuple[int, int] | None:
    """Return the rule's weight for this failure and the position of what it goes by; None when it does not hold."""
    best: tuple[int, int] | None = None
    for clues in rule.when:
        found = _found(clues, seen, around=rule.spec.around)
        if found is not None and (best is None or found[0] > best[0]):
            best = found
    if best is None or any(_found(clues, seen, around=rule.spec.around) for clues in rule.unless):
        return None
    return rule.spec.weight + best[0], best[1]


def _found(clues: ReadyClues, seen: _Seen, *, around: bool) -> tuple[int, int] | None:
    """Return what the place of the clues adds to the weight, and their position; None when one is missing."""
    failure = seen.failure
    if clues.kinds and failure.place.kind not in clues.kinds:
        return None
    if clues.tools and failure.tool not in clues.tools:
        return None
    if clues.exit_codes and failure.exit_code not in clues.exit_codes:
        return None
    if clues.outcomes and seen.outcome not in clues.outcomes:
        return None
    if clues.conclusions and (failure.job is None or failure.job.conclusion not in clues.conclusions):
        return None
    if clues.passed_on_retry and not failure.passed_on_retry:
        return None
    if clues.commands is not None and clues.commands.position(seen.command) is None:
        return None
    if clues.exceptions is not None and not (seen.exception and clues.exceptions.fullmatch(seen.exception)):
        return None
    if clues.text is None:  # the class of an exception is part of the headline
        return (_IN_HEADLINE if clues.exceptions is not None else 0), 0
    position = clues.text.position(seen.told)
    if position is not None:
        return (_IN_HEADLINE if position <= seen.headline_end else 0), position
    if (around or seen.is_wide) and (position := clues.text.position(seen.told_around)) is not None:
        return (_AROUND if around else _FAR), len(seen.text) + 1 + position
    return None


def _nearest(before: Sequence[Line], after: Sequence[Line]) -> Sequence[Line]:
    return (*before[-40:], *after[:40])


def _shortened(texts: Iterable[str]) -> str:
    text = "\n".join(text[:MAX_LINE] for text in texts)
    half = MAX_CHARACTERS // 2
    return text if len(text) <= MAX_CHARACTERS else f"{text[:half]}\n{text[-half:]}"


def _lowered(text: str) -> str:
    """Return the text in lower case and of the same length, so that positions in one are positions in the other."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(c if len(c.lower()) != 1 else c.lower() for c in text)
