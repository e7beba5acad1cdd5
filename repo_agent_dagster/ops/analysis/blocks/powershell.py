"""PowerShell's errors: the concise view of PowerShell 7, with a bar at the left, and the long view before it."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, Rank, shown, trimmed, until
from repo_agent_dagster.ops.analysis.model import Anchor

_CONCISE = re.compile(r"(?P<command>[\w.-]{1,100}): (?P<file>\S.{0,300}):(?P<line>\d+)$")
_BAR = re.compile(r"\s*\d*\s*\|")
_UNDERLINED = re.compile(r"\s*\|\s*~+\s*$")
_AT = re.compile(r"At (?P<file>\S.{0,300}):(?P<line>\d+) char:(?P<column>\d+)$")
_COMMAND = re.compile(r"[\w.\\/-]{1,200} : \S")
_CATEGORY = re.compile(r"\s+\+ CategoryInfo\s+: .{0,1000}[,\]] (?P<exception>\w+)$")
_MOST_LINES = 30
_LONGEST_MESSAGE = 5
HINTS = ("\nLine |", "CategoryInfo")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each error record, with the script's line that it came from."""
    index = 0
    while index < len(texts):
        block = None
        if texts[index].rstrip() == "Line |" and index and (match := _CONCISE.match(texts[index - 1])):
            block = _concise(texts, index - 1, match)
        elif texts[index].startswith("At ") and len(texts[index]) <= 600 and (match := _AT.match(texts[index])):
            block = _long(texts, index, match)
        if block:
            yield block
        index = block.end if block else index + 1


def _concise(texts: Sequence[str], head: int, match: re.Match[str]) -> Block:
    end = until(texts, head + 2, lambda line: not _BAR.match(line), _MOST_LINES)
    below = next((i + 1 for i in range(head + 2, end) if _UNDERLINED.match(texts[i])), head + 3)
    said = " ".join(text.partition("|")[2].strip() for text in texts[below:end])
    what = f"{match['command']}: {said}" if said else texts[head]
    return Block(
        "pwsh", head, end, trimmed(texts, range(head, end)), shown(what),
        anchors=(Anchor(match["file"], int(match["line"])),), rank=Rank.CRASH,
    )  # fmt: skip


def _long(texts: Sequence[str], at: int, match: re.Match[str]) -> Block | None:
    end = until(texts, at + 1, lambda line: not line.lstrip().startswith("+"), _MOST_LINES)
    category = next((m for text in texts[at + 1 : end] if len(text) <= 1500 and (m := _CATEGORY.match(text))), None)
    if end == at + 1:
        return None
    head = max(0, at - 1)
    for above in range(at - 1, max(-1, at - 1 - _LONGEST_MESSAGE), -1):
        if not texts[above].strip() or texts[above].startswith("##"):
            break
        if _COMMAND.match(texts[above]):
            head = above
            break
    said = " ".join(text.strip() for text in texts[head:at]) or texts[at]
    return Block(
        "pwsh", head, end, trimmed(texts, range(head, end)), shown(said),
        exception=category["exception"] if category else None,
        anchors=(Anchor(match["file"], int(match["line"]), int(match["column"])),), rank=Rank.CRASH,
    )  # fmt: skip
