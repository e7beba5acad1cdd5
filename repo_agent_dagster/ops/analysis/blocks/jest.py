"""Jest, and Mocha's reporters: the failed tests, the suites that did not run, the coverage that is too low."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import (
    Block,
    anchors_of,
    own_frame_lines,
    shown,
    stack_in,
    trimmed,
    until,
)
from repo_agent_dagster.ops.analysis.model import Anchor
from repo_agent_dagster.ops.analysis.stacks import frame_of, raised

_FILE = re.compile(
    r"\s*(?P<verdict>FAIL|PASS)\s+(?:\S{1,60} )?(?P<file>[^\s(]\S*\.\w+)(?:\s\([\d.]+ m?s\))?(?:\s.{0,60})?$"
)
_BULLET = re.compile(r"\s{0,6}● (?P<title>\S.{0,400})$")
_NOT_A_FAILURE = re.compile(r"Console$|Deprecation Warning|Validation Warning|Cannot log after tests")
_END = re.compile(
    r"(?:Test Suites:|Tests:|Snapshot Summary|Ran all test suites|Snapshots:|Summary of all failing tests"
    r"|-{5,}\|| ELIFECYCLE|npm (?:ERR!|error)|error Command failed|##\[)"
)
_EXCERPT = re.compile(r"\s{2,}(?:> )?\s*\d*\s\|")
_THRESHOLD = re.compile(r"Jest: .{0,200}(?:coverage threshold|threshold).{0,200}(?:not met|not reached)")
_LONE = re.compile(
    r"\s*(?:● )?(?:Jest: a worker process has failed|A worker process has failed"
    r"|Validation Error:|No tests found, exiting)"
)
_NOT_READ = "Jest encountered an unexpected token"
HINTS = ("● ", "coverage threshold", "No tests found, exiting", "Jest: ")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each failed test or suite; a repetition in the final summary is joined later by its name."""
    file: str | None = None
    index = 0
    while index < len(texts):
        text = texts[index]
        if match := _FILE.match(text):
            file = match["file"] if match["verdict"] == "FAIL" else None
        elif (match := _BULLET.match(text)) and not _is_bullet_of_a_list(texts, index):
            end = until(texts, index + 1, _ends)
            if not _NOT_A_FAILURE.search(match["title"]):
                yield _test(texts, index, end, match["title"], file)
            index = end
            continue
        elif _LONE.match(text):
            end = until(texts, index + 1, lambda line: bool(line.strip()) and not line.startswith("  "), 12)
            said = [i for i in range(index, end) if texts[i].strip()]
            headline = texts[said[1]] if len(said) > 1 and text.rstrip().endswith(":") else text
            yield Block("jest", index, end, trimmed(texts, said[:6]), shown(headline))
            index = end
            continue
        elif _THRESHOLD.match(text):
            yield Block("jest", index, index + 1, (index,), shown(text))
        index += 1


def _ends(text: str) -> bool:
    return bool(_BULLET.match(text) or _FILE.match(text) or _END.match(text.lstrip()))


def _is_bullet_of_a_list(texts: Sequence[str], index: int) -> bool:
    """Verbose output and watch summaries list bullets with nothing below them."""
    following = texts[index + 1 : index + 4]
    return not any(line.startswith("    ") or line.strip().startswith(("expect(", "Error")) for line in following)


def _test(texts: Sequence[str], head: int, end: int, title: str, file: str | None) -> Block:
    picked, headline = [head], ""
    in_message = True
    for index in range(head + 1, end):
        text = texts[index]
        if frame_of(text) is not None:
            in_message = False
        elif _EXCERPT.match(text):
            in_message = False
            marker = text.lstrip()
            if marker.startswith(">") or (marker.startswith("|") and "^" in marker):
                picked.append(index)
        elif in_message and text.strip():
            headline = headline or text
            picked.append(index)
        elif text.strip() and raised(text):  # Cause:, or a second error of the same test
            picked.append(index)
            in_message = True
    if headline.strip() == _NOT_READ:  # between that and what could not be read stand twenty lines of advice
        picked, headline = _without_advice(texts, head, end, picked)
    picked += own_frame_lines(texts, head + 1, end)
    frames = stack_in(texts, head + 1, end)
    suite = title.startswith("Test suite failed to run")
    test = file if suite else f"{file} › {title}" if file else title
    anchors = anchors_of(frames) or ((Anchor(file),) if file else ())
    return Block(
        "jest", head, end, trimmed(texts, picked), shown(headline or title),
        exception=raised(headline), frames=frames, anchors=anchors, test=test,
    )  # fmt: skip


def _without_advice(texts: Sequence[str], head: int, end: int, picked: Sequence[int]) -> tuple[list[int], str]:
    """Return the lines of a file that Jest could not read, and the parser's own word as the headline."""
    details = next((i for i in range(head, end) if texts[i].strip() == "Details:"), head)
    kept = [index for index in picked if index > details or index <= head + 2]
    said = next((texts[i] for i in kept if i > details and raised(texts[i])), None)
    return kept, said or _NOT_READ
