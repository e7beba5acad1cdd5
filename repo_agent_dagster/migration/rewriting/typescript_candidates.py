"""Where a specifier could stand in TypeScript or JavaScript, judged by words alone: so that less has to be parsed.

Every form of specifier has one of these words before it. They are found wherever they are, in comments and strings too:
what is not found here is no specifier, and what is found is one only when a parser has said so.
"""

import re
from collections.abc import Iterator

MOCKS = frozenset(
    {
        "mock", "unmock", "doMock", "dontMock", "doUnmock", "deepUnmock", "setMock", "unstable_mockModule",
        "requireActual", "requireMock", "createMockFromModule", "genMockFromModule", "importActual", "importMock",
    }
)  # fmt: skip
"""The methods of jest and vi whose first argument names a module."""

_MOCK = re.compile(r"(?:mock|Mock|Actual)\w*(?=\s*[(<?!/])")
_WORDS = {
    "from": re.compile(r"\bfrom(?=\s*[\"'/])"),
    "import": re.compile(r"\bimport\b"),
    "require": re.compile(r"\brequire\b"),
    "module": re.compile(r"\bmodule(?=\s*[\"'/])"),
    "URL": re.compile(r"\bURL(?=\s*[(</])"),
    "mock": _MOCK,
    "Mock": _MOCK,
    "Actual": _MOCK,
    "<reference": re.compile(r"<reference\b"),
}
"""Searched for as plain text, which is far quicker than a pattern; then each is looked at."""
_REST_OF_WORD = re.compile(r"\s*(?:[<?!/]|(\.\s*meta\s*\.\s*\w+|\.\s*\w+))")
"""What may stand between a word and its literal: types and comments can be anything, also the start of a line."""
_STATEMENT = re.compile(r"\n(?=[A-Za-z_$@])")

_QUOTED = r"(?:\"([^\"\\\r\n]*)\"|'([^'\\\r\n]*)')"
_STRING = re.compile(rf"\s*{_QUOTED}")
_ARGUMENT = re.compile(rf"\s*\(\s*{_QUOTED}\s*[),]")
_RESOLVED = re.compile(rf"(?:\s*\.\s*resolve)?\s*\(\s*{_QUOTED}\s*[),]")
_NAMES = re.compile(r"\s*[{*\w$]|\s*\.\s*meta\b(?!\s*\.\s*(?:resolve|glob))")
_NO_LITERAL = re.compile(r"\s*\(\s*[\w$]")


def may_hold_specifier(text: str) -> bool:
    """Return whether there is a word in the text that stands before a specifier."""
    return any(word in text and next(_ends(word, text), None) is not None for word in _WORDS)


def head_end(text: str) -> int:
    """Return the end of the part that holds every word for a specifier, with the statement of the last of them.

    It is the start of a line that looks like another statement's, or the end of the text. No word follows it, and a
    parser reads from left to right: if the part parses by itself, its specifiers are those of the whole text.
    """
    last = max((_last_end(word, text) for word in _WORDS), default=0)
    rest = _REST_OF_WORD.match(text, last)
    if rest is not None and rest[1] is None:
        return len(text)
    line = _STATEMENT.search(text, last if rest is None else rest.end())
    return len(text) if line is None else line.start() + 1


def possible_specifiers(text: str) -> frozenset[tuple[str, str]] | None:
    """Return all that could be specifiers in the text, and more; None where only a parser can tell.

    Each comes with its form, as far as that decides what it means: "url" for a URL's path, "import" for all others.
    """
    found: set[tuple[str, str]] = set()
    for word in _WORDS:
        for end in _ends(word, text):
            literal = _literal(word, text, end)
            if literal is None:
                return None
            if literal:
                found.add(("url" if word == "URL" else "import", literal))
    return frozenset(found)


def _ends(word: str, text: str) -> Iterator[int]:
    position = text.find(word)
    while position >= 0:
        found = _WORDS[word].match(text, position)
        if found is not None:
            yield found.end()
        position = text.find(word, position + 1)


def _last_end(word: str, text: str) -> int:
    position = text.rfind(word)
    while position >= 0:
        found = _WORDS[word].match(text, position)
        if found is not None:
            return found.end()
        position = text.rfind(word, 0, position + len(word) - 1)
    return 0


def _literal(word: str, text: str, end: int) -> str | None:
    """Return the literal after a word, "" where none stands that is a specifier, None where it cannot be told."""
    if word in {"from", "module"}:
        literal = _STRING.match(text, end)
    elif word == "require":
        literal = _RESOLVED.match(text, end)
    elif word == "import":
        literal = _STRING.match(text, end) or _ARGUMENT.match(text, end)
        if literal is None and _NAMES.match(text, end):
            return ""  # what it is imported from comes after a word of its own
    else:
        literal = None if word == "<reference" else _ARGUMENT.match(text, end)
        if literal is None and word == "URL" and _NO_LITERAL.match(text, end):
            return ""
    return None if literal is None else literal[1] or literal[2] or ""
