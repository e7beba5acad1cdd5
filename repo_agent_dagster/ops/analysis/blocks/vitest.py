"""Vitest: failed tests and suites, and errors that nobody caught."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed, until
from repo_agent_dagster.ops.analysis.model import Anchor, Frame
from repo_agent_dagster.ops.analysis.stacks import is_ours, raised

_HEAD = re.compile(r"\s*FAIL\s+(?P<test>\S.{0,400}?)\s*$")
_UNHANDLED = re.compile(r"⎯+ (?:Unhandled Rejection|Uncaught Exception|Unhandled Error|Startup Error) ⎯+")
_END = re.compile(r"\s*⎯{6,}|\s{1,8}Test Files\s|\s{1,8}Tests\s+\d")
_FRAME = re.compile(r"\s*❯ (?:(?P<function>\S.{0,120}?) )?(?P<file>[^\s:]{1,300}):(?P<line>\d+):(?P<column>\d+)\s*$")
_EXCERPT = re.compile(r"\s+\d*\s*\|")
HINTS = ("⎯⎯ Failed", "⎯⎯ Unhandled", "⎯⎯ Uncaught", "⎯⎯ Startup")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each error; tests that fail of the same one share it."""
    index = 0
    in_failures = False
    while index < len(texts):
        text = texts[index]
        if "⎯⎯ Failed" in text:
            in_failures = True
        unhandled = _UNHANDLED.match(text.strip())
        match = _HEAD.match(text) if in_failures else None
        if match is None and unhandled is None:
            index += 1
            continue
        body = index + 1
        while match and body < len(texts) and _HEAD.match(texts[body]):
            body += 1
        end = until(texts, body, lambda line: _END.match(line) or _HEAD.match(line))
        yield _error(texts, index, body, end, match["test"] if match else None)
        index = end


def _error(texts: Sequence[str], head: int, body: int, end: int, test: str | None) -> Block:
    picked = list(range(head, body)) if test else [head]
    headline = ""
    frames: list[Frame] = []
    skipped = False
    for index in range(body, end):
        text = texts[index]
        if match := _FRAME.match(text):
            file = match["file"]
            frame = Frame(match["function"], Anchor(file, int(match["line"]), int(match["column"])), is_ours(file))
            frames.append(frame)
            if frame.is_ours:
                picked.append(index)
        elif _EXCERPT.match(text):
            skipped = True
            if "^" in text:
                picked += [index - 1, index]
        elif text.strip() and not (skipped and not raised(text)):
            headline = headline or text
            picked.append(index)
    return Block(
        "vitest", head, end, trimmed(texts, picked), shown(headline or texts[head]),
        exception=raised(headline), frames=tuple(frames),
        anchors=tuple(frame.anchor for frame in frames if frame.is_ours)[:5],
        test=re.sub(r" \[ .{1,300} \]$", "", test) if test else None,
    )  # fmt: skip
