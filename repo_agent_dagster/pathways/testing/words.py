"""Tests that a prompt is about, found by words alone: no model is asked. Pure."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MOST_TESTS = 50
LEAST_SHARE = 0.4
"""A test is taken when it comes to this share of the best one's score."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ENDINGS = ("ations", "ation", "ings", "ing", "ers", "ies", "ied", "ed", "er", "es", "s", "e")
_STOP_WORDS = """
a an and are as at be by can check checks do does each every for from if in into is it its make of on or our please
should so spec specs test tests testing that the their then there these they this to use user users verify we when
whether which will with work works you py js ts jsx tsx mjs cjs src lib index
"""
_STOP = frozenset(_STOP_WORDS.split())
_NAME, _DESCRIPTION, _PATH = 3.0, 2.0, 1.0


@dataclass(frozen=True)
class Candidate:
    """A test that could be run: its id, the file that holds it, and the first line of what it says of itself."""

    id: str
    file: str
    name: str
    description: str = ""


def stems(text: str) -> list[str]:
    """Return the words of a text or an identifier, in lower case, without endings and words that say nothing."""
    words = (word.lower() for word in _WORD.findall(text))
    return [_stem(word) for word in words if word not in _STOP and len(word) > 1]


def matching(prompt: str, candidates: Sequence[Candidate], *, most: int = MOST_TESTS) -> list[Candidate]:
    """Return the tests that share weighty words with the prompt, the best first; none where no word is shared.

    A word weighs more the fewer tests have it, and more in a test's name than in its description or path.
    """
    wanted = set(stems(prompt))
    told = [(one, _weights(one)) for one in candidates]
    frequency = Counter(word for _, weights in told for word in weights)
    scored = []
    for one, weights in told:
        score = sum(
            weights[word] * (1 + math.log(len(candidates) / frequency[word])) for word in wanted if word in weights
        )
        if score > 0:
            scored.append((score, one))
    best = max((score for score, _ in scored), default=0.0)
    kept = sorted((pair for pair in scored if pair[0] >= LEAST_SHARE * best), key=lambda pair: (-pair[0], pair[1].id))
    return [one for _, one in kept[:most]]


def _weights(one: Candidate) -> dict[str, float]:
    weights: dict[str, float] = {}
    for text, weight in ((one.file, _PATH), (one.description, _DESCRIPTION), (one.name, _NAME)):
        for word in stems(text):
            weights[word] = max(weights.get(word, 0.0), weight)
    return weights


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            stem = word.removesuffix(ending)
            # "adding" and "add", "logged" and "log": a doubled letter comes with the ending.
            return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and ending in ("ing", "ed", "er") else stem
    return word
