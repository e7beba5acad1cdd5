"""Test suites of other worlds: RSpec, GoogleTest, dotnet test, PHPUnit."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, anchors_of, shown, stack_in, trimmed, until
from repo_agent_dagster.ops.analysis.model import Anchor, Frame
from repo_agent_dagster.ops.analysis.stacks import is_ours, raised

_NUMBERED = re.compile(r"\s{0,3}(?P<number>\d+)\) (?P<title>\S.{0,300})$")
_RSPEC_PLACE = re.compile(r"\s+# (?P<file>\S{1,300}\.rb):(?P<line>\d+)(?::in [`'](?P<function>.*)['’])?")
_RSPEC_END = re.compile(r"Finished in |Failed examples:|Pending:|\d+ examples?,")
_PHP_PLACE = re.compile(r"(?P<file>/?\S{1,300}\.php):(?P<line>\d+)$")
_PHP_END = re.compile(r"FAILURES!|ERRORS!|--\s*$|Tests: \d+|There (?:was|were) ")
_GTEST_FAILURE = re.compile(r"(?P<file>\S{1,300}?)[:(](?P<line>\d+)\)?: (?:Failure|error: .*)$")
_GTEST_END = re.compile(r"\[\s+(?:FAILED|OK|RUN)\s+\]|\[-+\]")
_GTEST_FAILED = re.compile(r"\[\s+FAILED\s+\] (?P<test>\S+?)(?:,.*)? \(\d+ ms\)$")
_DOTNET = re.compile(r"\s{2}(?:Failed|X) (?P<test>\S.{0,300}?) \[[<\d. msh]+\]$")
HINTS = ("Failures:", "[  FAILED  ]", "Error Message:", "There was ", "There were ")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each failed test."""
    mode = ""
    index = 0
    while index < len(texts):
        text = texts[index]
        block = None
        if text.strip() == "Failures:":
            mode = "rspec"
        elif text.startswith(("There was ", "There were ")) and re.search(r"\d+ (?:failure|error)s?:$", text):
            mode = "phpunit"
        elif mode and (match := _NUMBERED.match(text)):
            block = _numbered(texts, index, match["title"], mode)
        elif text.startswith("[  FAILED  ]") and (match := _GTEST_FAILED.match(text)):
            block = _gtest(texts, index, match["test"])
        elif text.startswith(("  Failed ", "  X ")) and (match := _DOTNET.match(text)):
            block = _dotnet(texts, index, match["test"])
        if block:
            yield block
        index = block.end if block else index + 1


def _numbered(texts: Sequence[str], head: int, title: str, mode: str) -> Block:
    ends, places = (_RSPEC_END, _RSPEC_PLACE) if mode == "rspec" else (_PHP_END, _PHP_PLACE)
    end = until(texts, head + 1, lambda line: _NUMBERED.match(line) or ends.match(line), 120)
    picked, frames = [head], []
    headline = ""
    for index in range(head + 1, end):
        if place := places.match(texts[index]):
            function = place.groupdict().get("function")
            frame = Frame(function, Anchor(place["file"], int(place["line"])), is_ours(place["file"]))
            frames.append(frame)
            if frame.is_ours:
                picked.append(index)
        elif texts[index].strip():
            headline = headline or texts[index]
            picked.append(index)
    said = next((texts[i] for i in picked[1:] if raised(texts[i])), headline)
    return Block(
        mode, head, end, trimmed(texts, picked), shown(headline or title), exception=raised(said),
        frames=tuple(frames), anchors=anchors_of(frames), test=title.strip(),
    )  # fmt: skip


def _gtest(texts: Sequence[str], last: int, test: str) -> Block:
    """GoogleTest tells what failed between the lines that begin and end a test."""
    start = last
    for above in range(last - 1, max(-1, last - 100), -1):
        if _GTEST_END.match(texts[above]):
            break
        start = above
    first = next((i for i in range(start, last) if _GTEST_FAILURE.match(texts[i])), start)
    place = _GTEST_FAILURE.match(texts[first])
    anchors = (Anchor(place["file"], int(place["line"])),) if place else ()
    headline = texts[first + 1] if place and first + 1 < last else texts[last]
    return Block(
        "gtest", first, last + 1, trimmed(texts, range(first, last + 1)), shown(headline), anchors=anchors, test=test
    )


def _dotnet(texts: Sequence[str], head: int, test: str) -> Block:
    end = until(
        texts, head + 1, lambda line: line.startswith(("  Failed ", "  Passed ", "Failed!", "Test Run", "##")), 120
    )
    stack = next((i for i in range(head, end) if texts[i].strip() == "Stack Trace:"), end)
    frames = stack_in(texts, stack, end)
    own = [i for i in range(stack + 1, end) if any(f.is_ours for f in stack_in(texts, i, i + 1))]
    said = [i for i in range(head + 1, stack) if texts[i].strip() and texts[i].strip() != "Error Message:"]
    headline = texts[said[0]] if said else texts[head]
    return Block(
        "dotnet test", head, end, trimmed(texts, [head, *said, *own]), shown(headline), exception=raised(headline),
        frames=frames, anchors=anchors_of(frames), test=test,
    )  # fmt: skip
