"""Turn a message into its pattern: what varies from one occurrence to the next is masked, words stay.

Error codes (TS2322, E0308, HTTP 404, exit code 1) count as words: two of them are two problems.
"""

import re

MAX_CHARACTERS = 4000
"""Only so much of a message is looked at; a headline and the first frames of its stack are well within."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

# The digits of codes are moved out of ASCII while the masks run, and back afterwards.
_SHELTER = {ord(str(digit)): chr(0xE000 + digit) for digit in range(10)}
_UNSHELTER = {0xE000 + digit: str(digit) for digit in range(10)}
_CODES = re.compile(
    r"\b(?:(?:TS|CS|E|F|W|C|PLR|PLW|PLE|SC|ORA-|SQLSTATE )\d{3,5}"
    r"|(?:(?i:HTTP)(?:/[\d.]{1,3})?|(?i:status(?: code)?|exit(?:ed with)?(?: code| status)?|code|signal|errno))"
    r"(?: ?[:=] ?| )\d{1,3})(?![\w-]|\.\d)"
)

_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
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


def plain_text(message: str) -> str:
    """Return the message's first `MAX_CHARACTERS` characters without terminal escapes."""
    return _ANSI.sub("", message[:MAX_CHARACTERS])


def headline(message: str) -> str:
    """Return the line that says what went wrong: the last of a Python traceback, else the first that is not empty."""
    lines = [line for line in plain_text(message).splitlines() if line.strip()]
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        lines = [line for line in lines if not line.startswith((" ", "\t", "Traceback"))][-1:] or lines
    return lines[0].strip() if lines else ""


def pattern(text: str) -> str:
    """Return the text with what varies masked: ``<TIME>``, ``<UUID>``, ``<IP>``, ``<PATH>``, ``<NUM>``, ``<ID>``, …"""
    text = _CODES.sub(lambda match: match[0].translate(_SHELTER), plain_text(text))
    for rule, mask in _MASKS:
        text = rule.sub(mask, text)
    return _WORD.sub(_mask_word, text).translate(_UNSHELTER)


def word_tokens(text: str) -> tuple[str, ...]:
    """Return the words of the text's pattern in lower case, without the masks: what stays from night to night."""
    return tuple(token.lower() for token in _TOKEN.findall(_PLACEHOLDER.sub(" ", pattern(text))))


def _mask_word(match: re.Match[str]) -> str:
    """Mask a word that holds a digit: keep the parts before the first such part (``order-`` of ``order-48f1-x``)."""
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
