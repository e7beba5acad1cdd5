"""unittest, and what reports like it: Django's test runner, tox's and trial's."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, anchors_of, shown, stack_in, trimmed, until
from repo_agent_dagster.ops.analysis.stacks import frame_of, raised

_HEAD = re.compile(r"(?P<verdict>FAIL|ERROR): (?P<name>\S+)(?: \((?P<where>[\w.$-]+)\))?(?: .*|\[.*)?$")
HINTS = ("==========\nFAIL:", "==========\nERROR:")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each test that failed."""
    for index in range(1, len(texts) - 1):
        if texts[index - 1].startswith("=====") and (match := _HEAD.match(texts[index])):
            rule = until(texts, index + 1, lambda text: text.startswith("-----"), 6)
            if rule < len(texts) and texts[rule].startswith("-----"):  # else a line of another tool's below its own
                yield _test(texts, index, rule + 1, match)


def _test(texts: Sequence[str], head: int, body: int, match: re.Match[str]) -> Block:
    end = until(texts, body, lambda text: text.startswith(("=====", "-----")))
    picked = [head]
    headline, telling = "", False
    for index in range(body, end):
        text = texts[index]
        frame = frame_of(text)
        if text.startswith(("Traceback (most recent", "The above exception was", "During handling of")):
            telling = False
        elif frame is not None:
            if frame.is_ours:
                picked += [index, index + 1] if index + 1 < end else [index]
        elif text and not text[0].isspace():
            if not telling:
                headline, telling = text, True
            picked.append(index)
        elif telling:
            picked.append(index)
    frames = stack_in(texts, body, end)
    where = match["where"] or ""
    test = where if where.endswith("." + match["name"]) else f"{where}.{match['name']}".strip(".")
    return Block(
        "unittest", head - 1, end, trimmed(texts, picked), shown(headline or texts[head]),
        exception=raised(headline), frames=frames, anchors=anchors_of(frames), test=test,
    )  # fmt: skip
