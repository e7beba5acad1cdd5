"""pytest: failures, errors at set-up and collection, in its long, short, line and native styles, and its last words."""

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
from repo_agent_dagster.ops.analysis.blocks.pytest_endings import CRASHED, ERROR_LINE, RULE, ending_at
from repo_agent_dagster.ops.analysis.model import Anchor
from repo_agent_dagster.ops.analysis.stacks import raised

_TEST = re.compile(r"_+ (?P<title>[^_ ].{0,300}?|_\w.{0,300}?) _+$")
_CAPTURED = re.compile(r"-+ (?:Captured|generated xml|live log).{0,100} -+$")
_SUMMARY = re.compile(
    r"(?P<verdict>FAILED|ERROR|SUBFAIL(?:ED)?(?:\([^)]*\))?) (?P<test>\S[^ ]*(?:\[.{0,200}?\])?)(?: - (?P<what>.*))?$"
)
_MOST_TESTS = 300  # of a section: so many failures have a cause that the first ones tell
_PLACED = re.compile(r"(?P<file>/?[^\s:][^:]{0,300}\.py):(?P<line>\d+): (?P<what>\S.*)$")
_LOCATION = re.compile(
    r"(?P<file>[^\s:][^:]{0,300}\.py):(?P<line>\d+): (?P<error>[\w.]*(?:Error|Exception|Exit"
    r"|Interrupt|Failed|Warning|Timeout)\w*)?$"
)
HINTS = (
    "=== FAILURES",
    "=== ERRORS",
    "short test summary",
    "conftest",
    "INTERNALERROR",
    "node down",
    "Timeout +",
    "ERROR: ",
    "Coverage failure",
    "Required test coverage",
    "pytest: error",
    "\nFAILED ",
    "crashed while running",
)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each test, module or fixture that failed."""
    summary = _summary(texts)
    told: set[int] = set()
    index = 0
    found = False
    while index < len(texts):
        text = texts[index]
        match = RULE.match(text)
        if match and match["title"] in ("FAILURES", "ERRORS"):
            end = until(texts, index + 1, RULE.match, len(texts))
            for block in _section(texts, index + 1, end, summary):
                told.update(block.picked)
                found = True
                yield block
            index = end
            continue
        if lone := ending_at(texts, index):
            found = True
            told.update(lone.picked)
            yield lone
            index = lone.end
            continue
        index += 1
    # With --tb=no, or where the sections were cut out of the log, the summary is all there is.
    if not found or len(told & set(summary)) < len(summary):
        for index, (test, what) in summary.items():
            if index not in told and not (found and what == ""):
                yield Block(
                    "pytest", index, index + 1, (index,), shown(what or texts[index]),
                    exception=raised(what) if what else None, test=test, anchors=(Anchor(test.partition("::")[0]),),
                )  # fmt: skip


def _summary(texts: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Return the lines of the short summary: the test and what went wrong, where that is told."""
    found: dict[int, tuple[str, str]] = {}
    for index, text in enumerate(texts):
        match = _SUMMARY.match(text) if text.startswith(("FAILED ", "ERROR ", "SUBFAIL")) else None
        if match and (".py" in match["test"] or "::" in match["test"]):
            found[index] = (match["test"], (match["what"] or "").strip())
    return found


def _section(texts: Sequence[str], start: int, end: int, summary: dict[int, tuple[str, str]]) -> Iterator[Block]:
    first = next((index for index in range(start, end) if _TEST.match(texts[index])), end)
    yield from _one_line_each(texts, start, first, summary)
    heads = [index for index in range(start, end) if texts[index].startswith("_") and _TEST.match(texts[index])]
    for head, stop in zip(heads[:_MOST_TESTS], [*heads[1:], end], strict=False):
        yield _test(texts, head, stop, summary)


def _one_line_each(texts: Sequence[str], start: int, end: int, summary: dict[int, tuple[str, str]]) -> Iterator[Block]:
    """Yield the failures of --tb=line: an error as far as it is told, and below it the place and the error again."""
    begun = start
    told: set[int] = set()
    for index in range(start, end):
        if match := _PLACED.match(texts[index]):
            what = match["what"]
            same = [
                i for i, (_, why) in summary.items() if i not in told and why and what.startswith(why.rstrip(". ")[:80])
            ]
            told.update(same[:1])
            test = summary[same[0]][0] if same else None
            anchor = Anchor(match["file"], int(match["line"]))
            yield Block(
                "pytest", begun, index + 1, trimmed(texts, [*range(begun, index + 1), *same[:1]]), shown(what),
                exception=raised(what) or ("AssertionError" if what.startswith("assert ") else None),
                anchors=(anchor,), test=test,
            )  # fmt: skip
            begun = index + 1


def _test(texts: Sequence[str], head: int, end: int, summary: dict[int, tuple[str, str]]) -> Block:
    told_until = until(texts, head + 1, _CAPTURED.match, end - head - 1)
    body = range(head + 1, told_until)
    errors = [index for index in body if ERROR_LINE.match(texts[index])]
    picked = [head, *errors]
    picked += [index for index in body if texts[index].startswith((">   ", ">\t"))]
    picked += own_frame_lines(texts, head + 1, told_until)
    if head + 1 < told_until and texts[head + 1].startswith(("ImportError while", "In test_", "file /", "in file")):
        picked.append(head + 1)
    if not errors:  # --tb=native, an exception group, or a module that cannot be read
        told = [index for index in body if _is_native(texts[index])]
        picked += [*told, *(i for index in told[-1:] for i in range(index, min(index + 20, told_until)))]
    location = next((m for index in reversed(body) if (m := _LOCATION.match(texts[index]))), None)
    first = _last_group_start(errors)
    native = [index for index in picked if index != head and _is_native(texts[index])]
    crashed = next((match for index in body if (match := CRASHED.match(texts[index]))), None)
    if first is not None and texts[first].lstrip("E ").startswith('File "'):
        first = errors[-1]  # a syntax error: where, the source, a caret, and then what
    headline = (
        crashed[0] if crashed is not None
        else re.sub(r"^\s*(?:\[gw\d+\] )?E\s+", "", texts[first]) if first is not None
        else texts[native[0 if _is_group(texts[native[0]]) else -1]].lstrip(" |+") if native
        else texts[head + 1] if head + 1 < end and texts[head + 1].strip() else texts[head].strip("_ ")
    )  # fmt: skip
    frames = stack_in([re.sub(r"^E\s+", "  ", text) for text in texts[head + 1 : told_until]], 0, told_until - head - 1)
    test, mentions = _identity(texts[head], summary, location["file"] if location else None, headline)
    if crashed is not None:
        picked += [index for index in body if CRASHED.match(texts[index])]
        test = crashed["test"] or test
        mentions = [index for index, (named, _) in summary.items() if named == test]
    exception = raised(headline) or (location["error"] if location else None)
    if exception is None and headline.startswith("assert "):
        exception = "AssertionError"
    return Block(
        "pytest", head, end, trimmed(texts, [*picked, *mentions]), shown(headline),
        exception=exception, frames=frames, anchors=anchors_of(frames), test=test,
    )  # fmt: skip


def _identity(
    title: str, summary: dict[int, tuple[str, str]], file: str | None, headline: str
) -> tuple[str, list[int]]:
    """Return the test's id, and the summary's lines that tell of it."""
    match = _TEST.match(title)
    name = match["title"] if match else title.strip("_ ")
    name = re.sub(r"^ERROR (?:at (?:setup|teardown) of|collecting) ", "", name)
    path = name.split("[")[0].replace(".", "::") + ("[" + name.split("[", 1)[1] if "[" in name else "")
    mentions = [
        index for index, (test, _) in summary.items() if test == name or test.endswith(("::" + path, "/" + name))
    ]
    if len(mentions) > 1:
        same = [i for i in mentions if (file and summary[i][0].startswith(file)) or summary[i][1][:60] in headline]
        mentions = same[:1] or mentions[:1]
    if mentions:
        return summary[mentions[0]][0], mentions
    return (f"{file}::{path}" if file and not name.endswith(".py") else name), []


def _last_group_start(errors: Sequence[int]) -> int | None:
    """Return where the last run of error lines starts: in a chain, the exception that was raised last."""
    start = None
    for position, index in enumerate(errors):
        if position == 0 or errors[position - 1] != index - 1:
            start = index
    return start


def _is_group(text: str) -> bool:
    return "ExceptionGroup: " in text


def _is_native(text: str) -> bool:
    """Return whether a line of a plain traceback begins it, or ends it with the exception."""
    stripped = text.lstrip(" |+") if "|" in text[:12] or "+" in text[:6] else text
    return stripped[:1].strip() != "" and (
        raised(stripped) is not None or stripped.startswith("Traceback (most recent")
    )
