"""Playwright: the numbered failures of its list, line and dot reporters, flaky ones included."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from repo_agent_dagster.ops.analysis.blocks.block import Block, own_frame_lines, shown, stack_in, trimmed, until
from repo_agent_dagster.ops.analysis.model import Anchor
from repo_agent_dagster.ops.analysis.stacks import raised

_HEAD = re.compile(
    r"\s{0,4}(?P<number>\d+)\) (?P<title>(?:\[[^\]]{1,60}\] › )?(?P<file>\S+):(?P<line>\d+):(?P<column>\d+)"
    r" › .{1,300}?)\s*─*\s*$"
)
_COUNT = re.compile(r"\s{0,4}\d+ (?:failed|flaky|passed|skipped|did not run|interrupted)")
_EXCERPT = re.compile(r"\s+(?:> )?\s*\d*\s\|")
_ATTACHMENT = re.compile(r"\s+(?:attachment #\d+|Retry #\d+|─{10,}|Usage:|test-results/|npx playwright show)")
_WEB_SERVER = re.compile(
    r"Error: (?:Process from config\.webServer|Timed out waiting \d+ms from config\.webServer"
    r"|No tests found|browserType\.launch).*"
)
HINTS = (") [", "› ", "config.webServer", "browserType.launch")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each failed test; its retries belong to it."""
    index = 0
    flaky = _flaky(texts)
    while index < len(texts):
        text = texts[index]
        if "›" in text and (match := _HEAD.match(text)):
            end = until(texts, index + 1, lambda line: _HEAD.match(line) or _COUNT.match(line), 300)
            block = _test(texts, index, end, match)
            mentions = [line for line, listed in flaky if match["title"].rstrip(" ─") in listed or line == flaky[0][0]]
            yield replace(
                block, picked=trimmed(texts, [*block.picked, *mentions]) if len(mentions) > 1 else block.picked
            )
            index = end
            continue
        if text.startswith("Error: ") and _WEB_SERVER.match(text):
            yield Block("playwright", index, index + 1, (index,), shown(text))
        index += 1


def _flaky(texts: Sequence[str]) -> list[tuple[int, str]]:
    """Return the lines that say which tests passed when they were run again, with the count before them."""
    start = next((index for index, text in enumerate(texts) if re.match(r"\s{0,4}\d+ flaky", text)), None)
    if start is None:
        return []
    end = until(texts, start + 1, lambda line: not line.startswith("  "), 100)
    return [(index, texts[index]) for index in range(start, end)]


def _test(texts: Sequence[str], head: int, end: int, match: re.Match[str]) -> Block:
    picked = [head]
    headline = ""
    for index in range(head + 1, end):
        text = texts[index]
        if _EXCERPT.match(text):
            marker = text.strip()
            if marker.startswith(">") or (marker.startswith("|") and "^" in marker):
                picked.append(index)
        elif text.strip() and not _ATTACHMENT.match(text) and not text.lstrip().startswith("at "):
            headline = headline or text
            if len(picked) < 60:
                picked.append(index)
    picked += own_frame_lines(texts, head + 1, end)
    frames = stack_in(texts, head + 1, end)
    title = re.sub(r":\d+:\d+ › ", " › ", match["title"], count=1)
    anchor = Anchor(match["file"], int(match["line"]), int(match["column"]))
    own = tuple(frame.anchor for frame in frames if frame.is_ours)[:4]
    return Block(
        "playwright", head, end, trimmed(texts, picked), shown(headline or match["title"]),
        exception=raised(headline), frames=frames, anchors=(*own, anchor), test=title,
    )  # fmt: skip
