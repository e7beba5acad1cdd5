"""Changed lines of a file as line operations on it, each with the text that it expects to find."""

from collections.abc import Iterable, Sequence

from repo_agent_dagster.contracts.patches import (
    Append,
    Expectation,
    InsertAfter,
    InsertBefore,
    LineOperation,
    ReplaceBlock,
)
from repo_agent_dagster.patching.diffs.placing import Change
from repo_agent_dagster.patching.diffs.search import content
from repo_agent_dagster.patching.model import InvalidPatch


def line_operations(
    path: str, lines: Sequence[bytes], changes: Iterable[Change], *, sha256: str, expect_text: bool
) -> list[LineOperation]:
    """Return one operation for each change of these lines, which are as `lines.parse` gives them, in their order.

    Each expects the text that is there now; without `expect_text`, or where text cannot tell it, the first one
    expects the whole file's digest. Terminators are left to the engine, which takes them from the place.

    Raises:
        InvalidPatch: a new line is not UTF-8.
    """
    script: list[LineOperation] = []
    for change in changes:
        here = None
        if expect_text:
            here = _expected(lines, change)
        if here is None and not script:
            here = Expectation(sha256=sha256)
        script.append(_operation(path, lines, change, here))
    return script


def _operation(path: str, lines: Sequence[bytes], change: Change, expect: Expectation | None) -> LineOperation:
    block = _text(change.lines)
    if block is None:
        raise InvalidPatch(f"{path}: the new text for line {change.start + 1} is not UTF-8; operations carry text only")
    if change.start < change.end:
        return ReplaceBlock(file=path, start=change.start + 1, end=change.end, block=block, expect=expect)
    if change.start:
        return InsertAfter(file=path, line=change.start, block=block, expect=expect)
    if lines:
        return InsertBefore(file=path, line=1, block=block, expect=expect)
    return Append(file=path, block=block, expect=expect)


def _expected(lines: Sequence[bytes], change: Change) -> Expectation | None:
    """Return what the engine compares: the replaced lines, or the line that an insertion is placed at."""
    if change.start < change.end:
        there = lines[change.start : change.end]
    else:
        there = lines[change.start - 1 : change.start] if change.start else lines[:1]
    text = _text(there)
    # A CR at a line's end is taken for a part of its terminator.
    if text is None or any(content(line).endswith(b"\r") for line in there):
        return None
    return Expectation(text=text)


def _text(lines: Iterable[bytes]) -> str | None:
    """Return the lines as a block, each with LF; None if they are not UTF-8."""
    try:
        return b"".join(content(line) + b"\n" for line in lines).decode()
    except UnicodeDecodeError:
        return None
