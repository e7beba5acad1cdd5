"""Comments as text for people: without their marks, without what only tools and lawyers read, cut to a sentence."""

import re
from collections.abc import Iterable, Sequence

LONGEST_PURPOSE = 160
_FOR_TOOLS = re.compile(
    r"^\s*(?:eslint|prettier|tslint|jshint|jslint|biome|istanbul|c8|v8|oxlint|stylelint|shellcheck|noinspection)\b"
    r"|^\s*@(?:ts-|jsx|flow|format|generated|vitest-environment|jest-environment)"
    r"|^\s*<(?:reference|amd-)|^\s*(?:noqa|type:|pylint:|pyright:|mypy:|ruff:|fmt:|isort:|-\*-|vim?:|go:|\+build)"
    r"|^\s*#?\s*sourceMappingURL=",
    re.IGNORECASE,
)
_LEGAL = re.compile(r"SPDX-License-Identifier|copyright\b|\(c\)\s+\d{4}|licen[cs]ed under|all rights reserved", re.I)
_TAG_WITH_TEXT = re.compile(r"^@(?:file|fileoverview|overview|module|description|packageDocumentation|summary)\b\s*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'`(À-ÖА-Я])|(?<=[。！？])")
_MARKUP = re.compile(r"`([^`]+)`|\[([^\]]+)\]\([^)\s]*\)")
_DECORATION = re.compile(r"^[\s=*#~_\-/─━]+$")


def comment_text(raw: str) -> str:
    """Return the text of one comment (``//``, ``/* */``, ``#``, ``--``, ``<!-- -->``) without its marks."""
    body = raw.strip()
    if body.startswith("/*"):
        body = body[2:].removesuffix("*/")
    elif body.startswith("<!--"):
        body = body[4:].removesuffix("-->")
    lines = [re.sub(r"^\s*(?:\*+(?!\w)|///?!?|#+!?|--|;+)?\s?", "", line) for line in body.splitlines()]
    return "\n".join(line.rstrip() for line in lines if not _DECORATION.match(line) or not line).strip()


def head_text(comments: Iterable[str]) -> str | None:
    """Return what the comments at a file's head say to people, or None; the comments come with their marks."""
    for raw in comments:
        text = comment_text(raw)
        if text and not is_for_tools(text) and not _LEGAL.search(text):
            return text
    return None


def is_for_tools(text: str) -> bool:
    """Return whether a comment, without its marks, is an instruction to a tool."""
    return _FOR_TOOLS.match(text) is not None


def joined_lines(comments: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Join line comments that stand directly below each other; each comes as its text, first and last line."""
    joined: list[tuple[str, int, int]] = []
    for raw, first, last in comments:
        mark = raw[:2]
        if joined and mark == "//" and joined[-1][0][:2] == "//" and joined[-1][2] + 1 == first:
            before = joined.pop()
            if not is_for_tools(comment_text(before[0])) and not _LEGAL.search(before[0]):
                joined.append((f"{before[0]}\n{raw}", before[1], last))
                continue
            joined.append(before)
        joined.append((raw, first, last))
    return joined


def first_sentence(text: str) -> str:
    """Return the first sentence as plain text on one line, at most 160 characters long."""
    paragraph: list[str] = []
    for line in text.strip().splitlines():
        stripped = _TAG_WITH_TEXT.sub("", line.strip())
        if stripped.startswith("@") or (not stripped and paragraph):
            break
        if stripped:
            paragraph.append(stripped)
    whole = _MARKUP.sub(lambda found: found[1] or found[2], " ".join(" ".join(paragraph).split()))
    return shortened(_SENTENCE_END.split(whole, maxsplit=1)[0])


def shortened(text: str, longest: int = LONGEST_PURPOSE) -> str:
    """Return the text on one line, cut with an ellipsis where it is longer than `longest` characters."""
    one_line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return one_line if len(one_line) <= longest else one_line[: longest - 1].rstrip() + "…"
