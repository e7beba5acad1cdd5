"""Which grammar reads which file, and what it could not read."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ast_grep_py import SgNode

Language = Literal["ts", "tsx", "js", "py", "go", "rust", "java", "html", "css", "json", "yaml", "bash"]

_ENDINGS: dict[str, Language] = {
    ".ts": "ts",
    ".mts": "ts",
    ".cts": "ts",
    ".tsx": "tsx",
    ".js": "js",
    ".jsx": "js",
    ".mjs": "js",
    ".cjs": "js",
    ".py": "py",
    ".pyi": "py",
    ".go": "go",
    ".rs": "rust",
    ".java": "java",
    ".html": "html",
    ".htm": "html",
    ".css": "css",
    ".json": "json",
    ".jsonc": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".sh": "bash",
    ".bash": "bash",
}
# JavaScript is read by the grammar of TSX, which holds all of it: so one rule, with one set of kinds, serves both.
_GRAMMARS: dict[Language, str] = {"ts": "typescript", "js": "tsx", "py": "python"}
_SAMPLE_ENDINGS: dict[Language, str] = {"rust": ".rs", "bash": ".sh"}


def language_of(path: str) -> Language | None:
    """Return the language of a file by its ending; None for those that no grammar reads."""
    return _ENDINGS.get(PurePosixPath(path).suffix.lower())


def grammar_of(language: Language) -> str:
    """Return the name of the grammar that ast-grep knows for the language."""
    return _GRAMMARS.get(language, language)


def ending_of(language: Language) -> str:
    """Return the usual ending of the language's files."""
    return _SAMPLE_ENDINGS.get(language, f".{language}")


def parse(text: str, language: Language) -> "SgNode":
    """Return the root of the file's syntax tree."""
    from ast_grep_py import SgRoot  # loaded late: `migrate-staging --help` needs no parser

    return SgRoot(text, grammar_of(language)).root()


def unread_parts(root: "SgNode") -> Iterator[tuple[int, int, str]]:
    """Yield line, column and text of what the grammar does not understand; both count from 1."""
    for node in root.find_all(kind="ERROR"):
        start = node.range().start
        yield start.line + 1, start.column + 1, shortened(node.text())


def shortened(text: str, limit: int = 80) -> str:
    """Return the text on one line, cut where it is too long to show."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= limit else one_line[: limit - 1] + "…"
