"""Messages of errors as patterns: what differs from run to run and from machine to machine is masked. Pure."""

import re
from typing import Literal

_MASKS = (
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\b"), "<time>"),
    (re.compile(r"(?:file://)?(?:[A-Za-z]:\\|~?/)(?:[\w.@+~-]+[/\\])+([\w.@+-]+)"), r"<path>/\1"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "<hash>"),
    (re.compile(r"\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b"), "<number>"),
)
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_CUT_OFF = ("...", "\u2026", "[...]")
_SHORTEST_PART = 4
_SHORTEST_WHOLE = 10

Likeness = Literal["exact", "pattern"]


def masked(message: str) -> str:
    """Return a message with addresses, paths, numbers, times and hashes replaced by what they are."""
    text = plain(message)
    for shape, name in _MASKS:
        text = shape.sub(name, text)
    return text


def plain(message: str) -> str:
    """Return a message with its white space and quotes made plain."""
    return " ".join(message.translate(_QUOTES).split())


def likeness(told: str, seen: str) -> Likeness | None:
    """Return how a message that was told is like one that was seen, None where it is not.

    A part is enough, for people shorten; what they cut off by an ellipsis counts to there; and their sentence may go on
    after the message.
    """
    wanted = plain(told)
    for ending in _CUT_OFF:
        wanted = wanted.removesuffix(ending).rstrip()
    if not wanted:
        return None
    shown = plain(seen)
    if wanted == shown or (len(wanted) >= _SHORTEST_PART and wanted in shown) or _goes_on(wanted, shown):
        return "exact"
    pattern, shape = masked(wanted), masked(shown)
    bare = re.sub(r"<\w+>|\W", "", pattern)
    if pattern == shape or (len(bare) >= _SHORTEST_PART and pattern in shape) or _goes_on(pattern, shape):
        # A pattern of which nothing is left but masks is like everything.
        return "pattern" if bare else None
    return None


def _goes_on(told: str, shown: str) -> bool:
    return len(shown) >= _SHORTEST_WHOLE and " " in shown and told.startswith(f"{shown} ")
