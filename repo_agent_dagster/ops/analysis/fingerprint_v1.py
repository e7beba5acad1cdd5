"""Version 1 of the fingerprint, as it was: issues that were opened under it are found again by it.

It is frozen with its masks: a change of either would lose those issues. What replaced it is in `fingerprint.py`.
"""

import hashlib
import re
from typing import Any

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.analysis.masking import headline, plain_text

VERSION = "1"

_EXCEPTION = re.compile(
    r"(?<![\w.])((?:[a-zA-Z_]\w{0,60}\.){0,6}[A-Z]\w{0,60}(?:Error|Exception|Fault|Panic|Timeout))\b"
)
_META_KEYS = ("exception", "exception_class", "error_class", "error_type", "error_name")

# The digits of codes are moved out of ASCII while the masks run, and back afterwards.
_SHELTER = {ord(str(digit)): chr(0xE000 + digit) for digit in range(10)}
_UNSHELTER = {0xE000 + digit: str(digit) for digit in range(10)}
_CODES = re.compile(
    r"\b(?:(?:TS|CS|E|F|W|C|PLR|PLW|PLE|SC|ORA-|SQLSTATE )\d{3,5}"
    r"|(?:(?i:HTTP)(?:/[\d.]{1,3})?|(?i:status(?: code)?|exit(?:ed with)?(?: code| status)?|code|signal|errno))"
    r"(?: ?[:=] ?| )\d{1,3})(?![\w-]|\.\d)"
)
_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A secret's digest came after version 1: without it, its text is as it was.
    (re.compile(r"(\[REDACTED:[a-z0-9-]{1,40}):[0-9a-f]{8}\]"), r"\1]"),
    (re.compile(r"(://[^\s?#\"'<>]*)[?#][^\s\"'<>()]*"), r"\1?<QUERY>"),
    (
        re.compile(
            r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z\b|UTC\b|[+-]\d\d:?\d\d))?)?(?![\w-])"
        ),
        "<TIME>",
    ),
    (re.compile(r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?(?![\w:])"), "<TIME>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<UUID>"),
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,5}[A-Za-z]{2,24}\b"), "<EMAIL>"),
    (re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?![\w.])"), "<IP>"),
    (re.compile(r"(?<![\w:.])(?=[0-9a-fA-F:]{0,38}\d)(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:.])"), "<IP>"),
    (re.compile(r"((?<![\w/])(?:/private)?(?:/var)?/(?:tmp|folders)/)[^\s:\"'<>(),;]+"), r"\1<PATH>"),
    (re.compile(r"((?<![\w/])/(?:home|Users)/)[^\s/:\"'<>(),;]+"), r"\1<USER>"),
    (re.compile(r"(?<![\w.])[+-]?\d+(?:[.,]\d+)*(?:[a-zA-Zµ%]{1,3})?(?![\w-])"), "<NUM>"),
)
_WORD = re.compile(r"[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*")
_PARTS = re.compile(r"([_-]+)")
_NUMBERED = re.compile(r"([A-Za-z]{3,})\d{1,2}")
_DIGIT = re.compile(r"[0-9]")
_PLACEHOLDER = re.compile(r"<[A-Z]+>")
_TOKEN = re.compile(r"[^\W_]+")


def exception_class(message: str, meta: dict[str, Any] | None = None) -> str | None:
    """Return the class of the exception that a line tells of, from its meta or its headline, or None."""
    for key in _META_KEYS:
        named = (meta or {}).get(key)
        if isinstance(named, str) and (match := _EXCEPTION.match(named)):
            return match[1]
    match = _EXCEPTION.search(headline(message))
    return match[1] if match else None


def fingerprint_v1(kind: LogKind, place: str, message: str, meta: dict[str, Any] | None = None) -> str:
    """Return SHA-256 (64 hex digits) of version, kind, place, exception class and the headline's unmasked words."""
    identity = (VERSION, kind, place, exception_class(message, meta) or "", *_word_tokens(headline(message)))
    return hashlib.sha256("\0".join(identity).encode()).hexdigest()


def _word_tokens(text: str) -> tuple[str, ...]:
    return tuple(token.lower() for token in _TOKEN.findall(_PLACEHOLDER.sub(" ", _pattern(text))))


def _pattern(text: str) -> str:
    text = _CODES.sub(lambda match: match[0].translate(_SHELTER), plain_text(text))
    for rule, mask in _MASKS:
        text = rule.sub(mask, text)
    return _WORD.sub(_mask_word, text).translate(_UNSHELTER)


def _mask_word(match: re.Match[str]) -> str:
    word = match[0]
    if not _DIGIT.search(word):
        return word
    kept = ""
    for part in _PARTS.split(word):
        if _DIGIT.search(part):
            numbered = _NUMBERED.fullmatch(part)
            return kept + (f"{numbered[1]}<NUM>" if numbered else "<ID>")
        kept += part
    return kept
