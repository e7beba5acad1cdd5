"""One file read by itself: its text, language, lines and facts; the huge and the binary are counted, not parsed."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from repo_agent_dagster.migration.inventory import go_facts, python_facts, text_facts, typescript_facts
from repo_agent_dagster.migration.inventory.facts import SourceFacts
from repo_agent_dagster.migration.inventory.languages import classify
from repo_agent_dagster.migration.inventory.model import FileKind
from repo_agent_dagster.migration.rewriting.specifiers import read_source
from repo_agent_dagster.migration.units.contents import UnitFile

PARSE_LIMIT_BYTES = 1_000_000
"""A source file larger than this is counted and not parsed."""

LOCK_LIMIT_BYTES = 20_000_000
"""A lock file larger than this is counted and not read."""

_SCRIPTS = frozenset({"TypeScript", "TSX", "JavaScript", "JSX"})
_PARSED_SUFFIXES = frozenset({".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"})


@dataclass(frozen=True)
class ReadFile:
    """A file and what it says of itself; `text` is kept only where other files are understood by it."""

    path: str
    language: str
    kind: FileKind
    size: int
    lines: int
    nonblank_lines: int
    facts: SourceFacts
    text: str | None

    @property
    def reader(self) -> str | None:
        """Whose imports the file holds: ts, py, go, html, or None."""
        if self.language in _SCRIPTS:
            return "ts"
        return {"Python": "py", "Go": "go", "HTML": "html"}.get(self.language)


def read_file(file: UnitFile, *, keep_text: bool) -> ReadFile:
    """Return what one file of a unit says of itself."""
    language, kind = classify(file.path, file.content)
    size = len(file.content)
    limit = LOCK_LIMIT_BYTES if kind == "lock" else PARSE_LIMIT_BYTES
    if language == "Binary" or size > limit:
        lines = 0 if language == "Binary" else _line_count(file.content)
        notes = () if language == "Binary" else (f"{size:,} bytes, more than {limit:,}: counted and not parsed",)
        return ReadFile(file.path, language, kind, size, lines, lines, SourceFacts(notes=notes), None)
    source = read_source(file.content)
    if source is None:
        return ReadFile(file.path, "Binary", "binary", size, 0, 0, SourceFacts(), None)
    nonblank = sum(not line.isspace() for line in source.text.splitlines() if line)
    facts = SourceFacts() if kind in {"lock", "asset"} else _facts(file.path, language, source.text)
    text = source.text if keep_text else None
    return ReadFile(file.path, language, kind, size, _line_count(file.content), nonblank, facts, text)


def _line_count(content: bytes) -> int:
    return content.count(b"\n") + (not content.endswith(b"\n") and bool(content))


def _facts(path: str, language: str, text: str) -> SourceFacts:
    if language in _SCRIPTS and PurePosixPath(path).suffix.lower() in _PARSED_SUFFIXES:
        return typescript_facts.read_facts(path, text)
    if language == "Python":
        return python_facts.read_facts(path, text)
    if language == "Go":
        return go_facts.read_facts(path, text)
    return text_facts.read_facts(path, language, text)
