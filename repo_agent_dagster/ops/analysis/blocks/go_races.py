"""Data races, as Go's race detector tells of them: what two goroutines did, where, and in which test."""

import re
from collections.abc import Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, anchors_of, shown, trimmed, until
from repo_agent_dagster.ops.analysis.model import Anchor, Frame
from repo_agent_dagster.ops.analysis.stacks import is_ours

RACED = "race detected during execution of test"
"""What the detector says of the test in which a race was."""

_PLACE = re.compile(r"\s{4,}(?P<file>/?[^\s:][^:]{0,300}\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?$")
_ACCESS = re.compile(r"(?:Previous )?(?:atomic )?(?:[Rr]ead|[Ww]rite) at 0x|Goroutine \d+ \(")
_FAIL = re.compile(r"\s*--- FAIL: (?P<test>\S+) ")
_FAR = 200


def race_at(texts: Sequence[str], head: int) -> Block:
    """Return the block of the race that starts on this line; all races of a function are told alike."""
    end = until(texts, head + 1, lambda line: line.startswith(("=====", "##")), 120)
    picked = [head, *(i for i in range(head, end) if _ACCESS.match(texts[i]))]
    frames: list[Frame] = []
    for index in range(head + 1, end):
        if match := _PLACE.match(texts[index]):
            function = texts[index - 1].strip().removesuffix("()")
            frames.append(Frame(function, Anchor(match["file"], int(match["line"])), is_ours(match["file"], function)))
            if frames[-1].is_ours:
                picked += [index - 1, index]
    ours = [frame for frame in frames if frame.is_ours] or frames
    headline = f"DATA RACE in {ours[0].function}" if ours else texts[head]
    stop = until(texts, end, _FAIL.match, _FAR)
    failed = _FAIL.match(texts[stop]) if stop < len(texts) else None
    picked += [i for i in range(end, min(len(texts), stop + 3)) if RACED in texts[i]]
    if failed:
        picked.append(stop)
    return Block(
        "go test", head, end, trimmed(texts, picked), shown(headline), frames=tuple(frames),
        anchors=anchors_of(frames), test=failed["test"] if failed else None, rule="race",
    )  # fmt: skip
