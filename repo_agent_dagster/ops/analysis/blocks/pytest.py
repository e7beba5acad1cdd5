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
from repo_agent_dagster.ops.analysis.model import Anchor
from repo_agent_dagster.ops.analysis.stacks import raised

_RULE = re.compile(r"=+ (?P<title>[^=].{0,300}?) =+$")
_TEST = re.compile(r"_+ (?P<title>[^_ ].{0,300}?|_\w.{0,300}?) _+$")
_CAPTURED = re.compile(r"-+ (?:Captured|generated xml|live log).{0,100} -+$")
_SUMMARY = re.compile(
    r"(?P<verdict>FAILED|ERROR|SUBFAIL(?:ED)?(?:\([^)]*\))?) (?P<test>\S[^ ]*(?:\[.{0,200}?\])?)(?: - (?P<what>.*))?$"
)
_ERROR_LINE = re.compile(r"\s*(?:\[gw\d+\] )?E(?:\s{2,}|$)")
_LOCATION = re.compile(
    r"(?P<file>[^\s:][^:]{0,300}\.py):(?P<line>\d+): (?P<error>[\w.]*(?:Error|Exception|Exit"
    r"|Interrupt|Failed|Warning|Timeout)\w*)?$"
)
_LONE = re.compile(
    r"(?:ERROR|FAIL)(?::)? (?P<what>usage: .*|file or directory not found: .*|not found: .*|found no collectors for .*"
    r"|Coverage failure: .*|Required test coverage of .*|.*(?:unrecognized arguments|no such option): .*)"
)
_CONFTEST = re.compile(
    r"(?:ImportError while loading conftest|INTERNALERROR> \w|pytest: error: |.*pytest\.PytestConfigWarning)"
)
_CRASHED = re.compile(
    r"(?:\[gw\d+\] node down: .*|worker '?gw\d+'? crashed while running '(?P<test>[^']+)'|\+{5,} Timeout \+{5,}.*)"
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
        match = _RULE.match(text)
        if match and match["title"] in ("FAILURES", "ERRORS"):
            end = until(texts, index + 1, _RULE.match, len(texts))
            for block in _section(texts, index + 1, end, summary):
                told.update(block.picked)
                found = True
                yield block
            index = end
            continue
        if lone := _lone(texts, index):
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
    heads = [index for index in range(start, end) if texts[index].startswith("_") and _TEST.match(texts[index])]
    for head, stop in zip(heads, [*heads[1:], end], strict=False):
        yield _test(texts, head, stop, summary)


def _test(texts: Sequence[str], head: int, end: int, summary: dict[int, tuple[str, str]]) -> Block:
    told_until = until(texts, head + 1, _CAPTURED.match, end - head - 1)
    body = range(head + 1, told_until)
    errors = [index for index in body if _ERROR_LINE.match(texts[index])]
    picked = [head, *errors]
    picked += [index for index in body if texts[index].startswith((">   ", ">\t"))]
    picked += own_frame_lines(texts, head + 1, told_until)
    if head + 1 < told_until and texts[head + 1].startswith(("ImportError while", "In test_", "file /", "in file")):
        picked.append(head + 1)
    if not errors:  # --tb=native, an exception group, or a module that cannot be read
        picked += [index for index in body if _is_native(texts[index])]
    location = next((m for index in reversed(body) if (m := _LOCATION.match(texts[index]))), None)
    first = _last_group_start(errors)
    native = [index for index in picked if index != head and raised(texts[index].lstrip(" |+"))]
    headline = (
        re.sub(r"^\s*(?:\[gw\d+\] )?E\s+", "", texts[first]) if first is not None
        else texts[native[0 if _is_group(texts[native[0]]) else -1]].lstrip(" |+") if native
        else texts[head + 1] if head + 1 < end and texts[head + 1].strip() else texts[head].strip("_ ")
    )  # fmt: skip
    frames = stack_in(texts, head + 1, told_until)
    test, mentions = _identity(texts[head], summary, location["file"] if location else None, headline)
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
    stripped = text.lstrip(" |+")
    return bool(stripped) and (raised(stripped) is not None or stripped.startswith("Traceback (most recent"))


def _lone(texts: Sequence[str], index: int) -> Block | None:
    """Return the block of a pytest that could not begin or was ended, where it starts on this line."""
    text = texts[index]
    if not text.startswith(("ERROR", "FAIL ", "ImportError", "INTERNALERROR", "pytest", "[gw", "worker", "++++")):
        return None
    if match := _LONE.match(text):
        end = until(texts, index + 1, lambda line: not line.startswith("  "), 12)
        return Block("pytest", index, end, trimmed(texts, range(index, end)), shown(match["what"]))
    if match := _CRASHED.match(text):
        end = index + 1
        if text.startswith("+++"):
            end = until(texts, index + 1, lambda line: line.startswith("+++"), 200) + 1
            picked = [index, *own_frame_lines(texts, index, min(end, len(texts)))]
            frames = stack_in(texts, index, end)
            return Block("pytest", index, min(end, len(texts)), trimmed(texts, picked), "Timeout",
                         exception="Timeout", frames=frames, anchors=anchors_of(frames))  # fmt: skip
        return Block("pytest", index, end, (index,), shown(text), test=match["test"])
    if _CONFTEST.match(text):
        end = until(texts, index + 1, lambda line: line.startswith("##") or _RULE.match(line), 120)
        errors = [i for i in range(index, end) if _ERROR_LINE.match(texts[i])]
        frames = stack_in(texts, index, end)
        what = texts[errors[-1]].lstrip("E ") if errors else text
        picked = [index, *errors, *own_frame_lines(texts, index + 1, end)]
        if text.startswith("INTERNALERROR"):
            end = until(texts, index + 1, lambda line: not line.startswith("INTERNALERROR"))
            picked = list(range(max(index, end - 4), end))
            what = texts[end - 1].removeprefix("INTERNALERROR> ")
        return Block("pytest", index, end, trimmed(texts, picked), shown(what), exception=raised(what),
                     frames=frames, anchors=anchors_of(frames))  # fmt: skip
    return None
