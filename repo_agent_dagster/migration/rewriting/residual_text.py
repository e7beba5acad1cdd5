"""Words in text files that may be paths or module names, and whether one stands in a string, a comment or code."""

import posixpath
import re
from collections.abc import Iterator
from enum import Enum, auto

_MARKS = "_.@~*+/$-"
"""What paths and module names hold besides letters and digits."""
_WORD = re.compile(rf"[\w{re.escape(_MARKS)}]+")
_ASCII_WORDS = bytes(code if chr(code).isalnum() or chr(code) in _MARKS else ord(" ") for code in range(128)) + bytes(
    range(128, 256)
)
_ROOT = re.compile(r"(?:<rootDir>|\$\{\w+\})$")
LONGEST_FILE = 5_000_000
"""Bytes; what is longer is data, not something that people wrote."""

_GENERATED = re.compile(
    r"package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.ya?ml|.*\.lockb?|go\.sum|.*\.map|.*-lock\.json", re.IGNORECASE
)
_C_LIKE = (
    r"(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<string>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)"
    r"|(?:(?<=[=(,:!&|?{};\[])|(?<=return))[ \t]*/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n*])+/"
)
_PYTHON = (
    r"(?P<comment>#[^\n]*)"
    r"|(?P<string>\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
)
_TOKENS = {
    **dict.fromkeys(
        (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".go", ".rs", ".java", ".c", ".h", ".cpp"),
        re.compile(_C_LIKE, re.DOTALL),
    ),
    **dict.fromkeys((".py", ".pyi"), re.compile(_PYTHON, re.DOTALL)),
}


_COPY = re.compile(
    r"^[ \t]*(?:COPY|ADD)[ \t]+(?!.*--from=)(?:--\S+[ \t]+)*(?P<sources>.*)[ \t,]\S+[ \t]*$", re.M | re.I
)


class Kind(Enum):
    """How a file's words are to be taken."""

    CODE = auto()
    """Only what stands in strings counts."""
    TEXT = auto()
    """Configuration, scripts, documents: every word counts."""


def kind_of(path: str) -> Kind:
    """Return how a file's words are to be taken, by its name."""
    return Kind.CODE if posixpath.splitext(path)[1].lower() in _TOKENS else Kind.TEXT


def is_searched(path: str, content: bytes) -> bool:
    """Return whether people may have written paths into a file: it is not binary, huge or generated."""
    return len(content) <= LONGEST_FILE and b"\0" not in content and not _GENERATED.fullmatch(posixpath.basename(path))


def words_in(content: bytes) -> set[bytes]:
    """Return the runs of characters that paths and module names are made of, each once."""
    words = set(content.translate(_ASCII_WORDS).split())
    if not content.isascii():
        # Only what holds letters beyond ASCII is looked at character by character: few of them end a word.
        foreign = {word for word in words if not word.isascii()}
        words -= foreign
        words.update(inner.encode() for word in foreign for inner in _WORD.findall(word.decode("utf-8", "replace")))
    return words


def places_of(word: str, inside: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of what is inside a word, where the word stands by itself.

    After ``<rootDir>`` or ``${x}`` the span begins there. Only there may a word begin with a slash: elsewhere it is a
    path of the machine.
    """
    lead = word.index(inside)
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not (_is_of_word(text[start - 1 : start]) or _is_of_word(text[end : end + 1])):
            root = _ROOT.search(text, max(0, start - 80), start)
            if root is not None or word[0] != "/":
                first = start + lead
                yield first if root is None else root.start(), first + len(inside)
        start = text.find(word, end)


def strings_until(path: str, text: str, limit: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of a source file's string literals that begin before a position; comments are none."""
    for match in _TOKENS[posixpath.splitext(path)[1].lower()].finditer(text):
        if match.start() >= limit:
            return
        if match["string"] is not None:
            yield match.span()


def is_dockerfile(path: str) -> bool:
    """Return whether a file is a Dockerfile, by its name."""
    name = posixpath.basename(path).lower()
    return name.startswith(("dockerfile", "containerfile")) or name.endswith(".dockerfile")


def copied(text: str) -> Iterator[re.Match[str]]:
    """Yield the paths that a Dockerfile copies from its context; not those from another stage."""
    for line in _COPY.finditer(text):
        yield from _WORD.finditer(text, *line.span("sources"))


def _is_of_word(character: str) -> bool:
    return character.isalnum() or (character != "" and character in _MARKS)
