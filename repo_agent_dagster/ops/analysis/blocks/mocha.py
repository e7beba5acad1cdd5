"""Mocha, and what reports like it (Cypress, WebdriverIO): the numbered failures after the count of the failing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repo_agent_dagster.ops.analysis.blocks.block import (
    Block,
    anchors_of,
    own_frame_lines,
    shown,
    stack_in,
    trimmed,
    until,
)
from repo_agent_dagster.ops.analysis.stacks import frame_of, raised

_COUNT = re.compile(r"\s*\d+ failing\s*$")
_HEAD = re.compile(r"\s{2,4}(?P<number>\d+)\) (?P<title>\S.{0,300})$")
_END = re.compile(
    r"(?:npm (?:ERR!|error)|error Command failed| ELIFECYCLE|\s*\([A-Z][a-z]+\)$|  \((?:Results|Screenshots)\))"
)
HINTS = (" failing",)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each numbered failure."""
    start = next((index for index, text in enumerate(texts) if _COUNT.match(text)), None)
    if start is None:
        return
    index = start + 1
    expected = 1
    while index < len(texts):
        match = _HEAD.match(texts[index])
        if match is None or int(match["number"]) != expected:
            if texts[index].strip() and expected > 1 and not texts[index].startswith(" "):
                return
            index += 1
            continue
        expected += 1
        end = until(texts, index + 1, _Next(expected))
        yield _test(texts, index, _without_tail(texts, index, end), match["title"])
        index = end


@dataclass(frozen=True, slots=True)
class _Next:
    """Whether a line begins the failure of this number, or ends the list."""

    number: int

    def __call__(self, text: str) -> bool:
        match = _HEAD.match(text)
        return bool(_END.match(text)) or (match is not None and int(match["number"]) == self.number)


def _without_tail(texts: Sequence[str], start: int, end: int) -> int:
    """Return where the block ends: three blank lines, or the last frame."""
    blank = 0
    for index in range(start, end):
        blank = 0 if texts[index].strip() else blank + 1
        if blank == 3:
            return index
    return end


def _test(texts: Sequence[str], head: int, end: int, title: str) -> Block:
    names = [title.strip()]
    body = head + 1
    while not names[-1].endswith(":") and body < min(end, head + 8) and texts[body].startswith("    "):
        names.append(texts[body].strip())
        body += 1
    picked = list(range(head, body))
    headline = ""
    for index in range(body, end):
        if frame_of(texts[index]) is None and texts[index].strip():
            headline = headline or texts[index]
            if len(picked) < 60:
                picked.append(index)
    picked += own_frame_lines(texts, body, end)
    frames = stack_in(texts, body, end)
    return Block(
        "mocha", head, end, trimmed(texts, picked), shown(headline or title),
        exception=raised(headline), frames=frames, anchors=anchors_of(frames),
        test=" › ".join(name.rstrip(":") for name in names),
    )  # fmt: skip
