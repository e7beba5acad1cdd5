"""Words in text files that may be paths or module names, and whether one stands in a string, a comment or code."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import PurePosixPath

WORD = re.compile(r"(?:<rootDir>|\$\{\w+\}|\$\w+)?[\w.@~*+/-]+")
"""A run of characters that paths and module names are made of; ``<rootDir>/x`` and ``$ROOT/x`` are one word."""
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
    return Kind.CODE if PurePosixPath(path).suffix.lower() in _TOKENS else Kind.TEXT


def text_of(path: str, content: bytes) -> str | None:
    """Return the text of a file that people may have written paths into; None for binary, huge and generated ones."""
    if len(content) > LONGEST_FILE or b"\0" in content or _GENERATED.fullmatch(PurePosixPath(path).name):
        return None
    return content.decode("utf-8", "replace")


def strings_in(path: str, text: str) -> list[tuple[int, int]]:
    """Return the spans of the string literals of a source file; comments are none."""
    pattern = _TOKENS[PurePosixPath(path).suffix.lower()]
    return [match.span("string") for match in pattern.finditer(text) if match["string"] is not None]


def is_dockerfile(path: str) -> bool:
    """Return whether a file is a Dockerfile, by its name."""
    name = PurePosixPath(path).name.lower()
    return name.startswith(("dockerfile", "containerfile")) or name.endswith(".dockerfile")


def copied(text: str) -> Iterator[re.Match[str]]:
    """Yield the paths that a Dockerfile copies from its context; not those from another stage."""
    for line in _COPY.finditer(text):
        yield from WORD.finditer(text, *line.span("sources"))
