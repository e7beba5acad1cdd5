"""A failure's lines as they are shown: numbered, the picked ones marked, with what stands around them, redacted."""

from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.model import Failure, Line
from repo_agent_dagster.pages.safety import clean
from repo_agent_dagster.redaction import redact

MAX_LINES = 60
MAX_AROUND = 6
MAX_LINE_CHARACTERS = 300
MAX_CHARACTERS = 6_000

_GAP = "…"


def excerpt(failure: Failure) -> str:
    """Return the lines of a failure, at most `MAX_CHARACTERS`; of a build's log with their numbers and ``>`` marks."""
    before, picked, after = failure.before[-MAX_AROUND:], failure.lines[:MAX_LINES], failure.after[:MAX_AROUND]
    # Redacted together, since a private key is one secret over many lines, and after what could hide a secret is gone.
    texts = redact(clean("\n".join(line.text.replace("\n", " ") for line in (*before, *picked, *after)))).split("\n")
    lines = [*before, *picked, *after]
    if failure.place.kind == "worker" or len(texts) != len(lines):
        shown = texts
    else:
        marks = [*" " * len(before), *">" * len(picked), *" " * len(after)]
        shown = list(_numbered(lines, marks, texts))
    if len(failure.lines) > MAX_LINES:
        shown.append(f"{_GAP} and {len(failure.lines) - MAX_LINES} more lines")
    return _fitting(_cut(text) for text in shown)


def _numbered(lines: Sequence[Line], marks: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    width = len(str(max(line.number for line in lines))) if lines else 1
    last: int | None = None
    for line, mark, text in zip(lines, marks, texts, strict=True):
        if last is not None and line.number > last + 1:
            yield _GAP
        yield f"{mark} {line.number:>{width}} | {text}".rstrip()
        last = line.number


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LINE_CHARACTERS else text[: MAX_LINE_CHARACTERS - 1] + _GAP


def _fitting(lines: Iterator[str]) -> str:
    kept: list[str] = []
    left = MAX_CHARACTERS
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            kept.append(_GAP)
            break
        kept.append(line)
    return "\n".join(kept).strip("\n")
