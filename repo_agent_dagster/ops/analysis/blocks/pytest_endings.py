"""How pytest ends before its report: it cannot begin, is not allowed to pass, hangs, or loses a worker."""

import re
from collections.abc import Sequence

from repo_agent_dagster.ops.analysis.blocks.block import (
    Block,
    anchors_of,
    own_frame_lines,
    shown,
    stack_in,
    trimmed,
    until,
)
from repo_agent_dagster.ops.analysis.stacks import raised

RULE = re.compile(r"=+ (?P<title>[^=].{0,300}?) =+$")
ERROR_LINE = re.compile(r"\s*(?:\[gw\d+\] )?E(?:\s{2,}|$)")
CRASHED = re.compile(r"(?:\[gw\d+\] node down: .*|worker '?gw\d+'? crashed while running '(?P<test>[^']+)')")
_HANGS = re.compile(r".{0,200}?\+{5,} Timeout \+{5,}\s*$")
_REFUSED = re.compile(
    r"(?:ERROR|FAIL)(?::)? (?P<what>usage: .*|file or directory not found: .*|not found: .*|found no collectors for .*"
    r"|Coverage failure: .*|Required test coverage of .*|.*(?:unrecognized arguments|no such option): .*)"
)
_CONFTEST = re.compile(r"(?:ImportError while loading conftest|pytest: error: |.*pytest\.PytestConfigWarning)")
_STARTS = ("ERROR", "FAIL ", "ImportError", "INTERNALERROR", "pytest", "[gw", "worker")


def ending_at(texts: Sequence[str], index: int) -> Block | None:
    """Return the block of a pytest that could not begin or was ended, where it starts on this line."""
    text = texts[index]
    if text.endswith("+++") and _HANGS.match(text):
        return _hang(texts, index)
    if not text.startswith(_STARTS):
        return None
    if match := _REFUSED.match(text):
        end = until(texts, index + 1, lambda line: not line.startswith("  ") and ": error: " not in line, 12)
        reason = next((line for line in texts[index + 1 : end] if ": error: " in line), match["what"])
        return Block("pytest", index, end, trimmed(texts, range(index, end)), shown(reason))
    if match := CRASHED.match(text):
        return Block("pytest", index, index + 1, (index,), shown(text), test=match["test"])
    if text.startswith("INTERNALERROR> "):
        end = until(texts, index + 1, lambda line: not line.startswith("INTERNALERROR"))
        what = texts[end - 1].removeprefix("INTERNALERROR> ")
        return Block(
            "pytest", index, end, trimmed(texts, range(max(index, end - 4), end)), shown(what), exception=raised(what)
        )
    return _conftest(texts, index) if _CONFTEST.match(text) else None


def _hang(texts: Sequence[str], head: int) -> Block:
    """pytest-timeout ends the whole process, and writes the stacks of its threads between two rules."""
    end = min(len(texts), until(texts, head + 1, lambda line: bool(_HANGS.match(line)), 400) + 1)
    frames = stack_in(texts, head, end)
    picked = [head, *own_frame_lines(texts, head + 1, end)]
    return Block(
        "pytest", head, end, trimmed(texts, picked), "Timeout", exception="Timeout",
        frames=frames, anchors=anchors_of(frames),
    )  # fmt: skip


def _conftest(texts: Sequence[str], head: int) -> Block:
    end = until(texts, head + 1, lambda line: line.startswith("##") or RULE.match(line), 120)
    errors = [index for index in range(head, end) if ERROR_LINE.match(texts[index])]
    frames = stack_in(texts, head, end)
    what = re.sub(r"^\s*E\s+", "", texts[errors[-1]]) if errors else texts[head]
    picked = [head, *errors, *own_frame_lines(texts, head + 1, end)]
    return Block(
        "pytest", head, end, trimmed(texts, picked), shown(what), exception=raised(what),
        frames=frames, anchors=anchors_of(frames),
    )  # fmt: skip
