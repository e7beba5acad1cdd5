"""Node's own test runner, in its spec reporter, and every runner that speaks TAP."""

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
from repo_agent_dagster.ops.analysis.stacks import frame_of, is_ours, raised

_PLACE = re.compile(r"\s*test at (?P<file>\S.{0,300}?):(?P<line>\d+):(?P<column>\d+)$")
_CROSS = re.compile(r"\s*✖ (?P<test>.{1,300}?)(?: \([\d.]+ms\))?$")
_PROPERTY = re.compile(r"\s+[\w$]+: |\s+\[?[}\]]|\s+\.\.\. ")
_NOT_OK = re.compile(
    r"(?P<indent>\s*)not ok \d+(?: -)? ?(?P<test>[^#]{0,300}?)\s*(?:# (?P<directive>TODO|SKIP|time).*)?$"
)
_FIELD = re.compile(
    r"\s+(?P<name>error|message|location|at|name|failureType|expected|actual|found|wanted|stack): ?(?P<value>.*)$"
)
_TAP_FRAME = re.compile(
    r"\s+(?:at )?(?:.{0,200}[\s(])?(?P<file>(?:file://)?/[^\s():]{1,300}):(?P<line>\d+):(?P<column>\d+)\)?$"
)
HINTS = ("✖ failing tests:", "not ok ")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each failed test; a suite that failed by its subtests is none."""
    failing = next((index for index, text in enumerate(texts) if text.strip() == "✖ failing tests:"), None)
    index = 0
    while index < len(texts):
        block = None
        if failing is not None and index > failing and _PLACE.match(texts[index]):
            block = _listed(texts, index)
        elif "not ok " in texts[index] and (match := _NOT_OK.match(texts[index])):
            block = _tap(texts, index, match)
        if block:
            yield block
        index = block.end if block else index + 1


def _listed(texts: Sequence[str], head: int) -> Block | None:
    end = until(texts, head + 1, lambda line: _PLACE.match(line) or line.startswith(("##", "npm ")), 200)
    place, cross = _PLACE.match(texts[head]), _CROSS.match(texts[head + 1]) if head + 1 < end else None
    if place is None or cross is None:
        return None
    said: list[int] = []
    for index in range(head + 2, end):
        if frame_of(texts[index]) is not None or texts[index].rstrip().endswith("{") or _PROPERTY.match(texts[index]):
            break
        if texts[index].strip():
            said.append(index)
    picked = [head, head + 1, *said, *own_frame_lines(texts, head + 2, end)]
    headline = texts[said[0]] if said else texts[head + 1]
    frames = stack_in(texts, head + 2, end)
    anchor = Anchor(place["file"], int(place["line"]), int(place["column"]))
    return Block(
        "node:test", head, end, trimmed(texts, picked), shown(headline), exception=raised(headline),
        frames=frames, anchors=(*anchors_of(frames), anchor)[:5], test=cross["test"],
    )  # fmt: skip


def _tap(texts: Sequence[str], head: int, match: re.Match[str]) -> Block | None:
    if match["directive"] in ("TODO", "SKIP"):
        return None
    indent = len(match["indent"])
    end = head + 1
    if end < len(texts) and texts[end].strip() == "---":
        end = min(len(texts), until(texts, end, lambda line: line.strip() == "...", 120) + 1)
    else:  # without a YAML block the diagnostics are comments
        end = until(texts, end, lambda line: not line.startswith(" " * indent + "#"), 30)
    fields: dict[str, str] = {}
    picked = [head]
    in_field = ""
    frames_at: list[int] = []
    anchors: list[Anchor] = []
    for index in range(head + 1, end):
        text = texts[index]
        if field := _FIELD.match(text):
            in_field = field["name"]
            fields[in_field] = field["value"].strip("'\"")
            if in_field in ("error", "message", "expected", "actual", "found", "wanted", "location", "at"):
                picked.append(index)
        elif in_field in ("error", "message") and text.strip():
            if fields[in_field] in ("|-", "|", ">-", ""):
                fields[in_field] = text.strip()
            picked.append(index)
        elif (place := _TAP_FRAME.match(text)) and is_ours(place["file"]):
            frames_at.append(index)
            anchors.append(Anchor(place["file"], int(place["line"]), int(place["column"])))
        elif text.lstrip().startswith("#"):
            picked.append(index)
    if fields.get("failureType") == "subtestsFailed":
        return None
    said = fields.get("error") or fields.get("message") or next((texts[i] for i in picked[1:]), texts[head])
    return Block(
        "tap", head, end, trimmed(texts, [*picked, *frames_at]), shown(said.lstrip("# ")),
        exception=fields.get("name") or raised(said),
        anchors=tuple(dict.fromkeys(anchors))[:5], test=match["test"].strip(),
    )  # fmt: skip
