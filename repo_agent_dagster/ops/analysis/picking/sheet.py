"""A log made ready for the readers of failure blocks: bare texts, marks and places beside them, cut into steps."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.logs import LogLevel
from repo_agent_dagster.ops.analysis.blocks import Wrapper, wrapper
from repo_agent_dagster.ops.analysis.model import Anchor, Line
from repo_agent_dagster.ops.analysis.text import Mark, marked, spoken

_CLEAN_UP = re.compile(
    r"Post |Complete job|Clean(?:ing|_| )?up|Stop containers|Uploading artifacts|upload_artifacts|archive_cache"
    r"|prepare_|get_sources|restore_cache",
    re.IGNORECASE,
)
_HEADER_LINES = 60
_FAR = 3000
_ECHO = re.compile(r"(?:\$|\+{1,3}) (?P<command>[\w./~'\"{(\[].*)$|\[command\](?P<command2>\S.*)$")
_SCRIPT_ECHO = re.compile(r"> (?:@[\w.-]{1,80}/)?[\w.-]{1,100}@\S{1,60} (?P<script>[\w:.-]{1,60})(?: \S.*)?$")
_SPECIAL = re.compile(r"\b(?:if|then|else|fi|for|while|do|done|case|esac|function)\b|[{}\\]$|<<")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A log's lines as the readers see them: texts without marks and prefixes.

    `anchors` are those of annotations; `speakers` tells who says a line where several programs speak in turns.
    """

    lines: Sequence[Line]
    texts: list[str]
    marks: list[Mark | None]
    anchors: dict[int, Anchor]
    speakers: dict[int, str]


@dataclass(frozen=True, slots=True)
class Step:
    """One step's lines, from `start` to `end` (exclusive) of the sheet; what it runs; how it ended."""

    name: str | None
    start: int
    end: int
    script: tuple[str, ...] = ()
    failed: bool = False
    ending: Wrapper | None = None
    is_clean_up: bool = False


def sheet_of(lines: Sequence[Line]) -> Sheet:
    """Return the lines' bare texts; the lines in which a build service tells what it will run are blank."""
    texts: list[str] = []
    marks: list[Mark | None] = []
    anchors: dict[int, Anchor] = {}
    speakers: dict[int, str] = {}
    for index, line in enumerate(lines):
        text = line.text
        mark: Mark | None = None
        if "##[" in text or text.lstrip().startswith("::"):
            found = marked(text)
            text, mark = found.text, found.mark
            if found.anchor is not None:
                anchors[index] = found.anchor
        speaker, said = spoken(text)
        if speaker is not None:
            speakers[index] = speaker
        texts.append(said.rstrip())
        marks.append(mark)
    return Sheet(lines, texts, marks, anchors, speakers)


def steps_of(sheet: Sheet) -> list[Step]:
    """Return the steps in order; a log that tells of none is one step."""
    steps: list[Step] = []
    start = 0
    count = len(sheet.lines)
    for index in range(1, count + 1):
        if index == count or sheet.lines[index].step != sheet.lines[start].step:
            steps.append(_step(sheet, start, index))
            start = index
    return steps


def command_at(sheet: Sheet, step: Step, index: int, tool: str | None) -> str | None:
    """Return the command whose output the line is part of, as a person would type it, as far as the log tells it."""
    if len(step.script) == 1:
        return step.script[0]
    for above in range(index - 1, max(step.start, index - _FAR) - 1, -1):
        text = sheet.texts[above]
        if sheet.marks[above] == "command":
            return text.strip()
        if text[:1] not in ("$", "+", ">", "[") or len(text) > 1000:
            continue
        if match := _SCRIPT_ECHO.match(text):
            name = match["script"]
            return f"npm {name}" if name in ("test", "start") else f"npm run {name}"
        if (match := _ECHO.match(text)) and (match["command"] or match["command2"])[0] not in "'\"{[(":
            return match["command"] or match["command2"]
    named = [line for line in step.script if tool and tool.split()[0] in line]
    if named:
        return named[-1]
    if not step.script or any(_SPECIAL.search(line) for line in step.script):
        return None
    return " && ".join(step.script)[:500]


def ends_step(text: str) -> Wrapper | None:
    """Return what the line tells when it is the build service's last word on a step."""
    told = wrapper(text) if any(word in text for word in _ENDING_WORDS) else None
    return told if told is not None and told.ends_step else None


def _step(sheet: Sheet, start: int, end: int) -> Step:
    name = sheet.lines[start].step
    script = _header(sheet, start, end)
    failed, ending = False, None
    marked_any = any(mark is not None for mark in sheet.marks[start:end])
    for index in range(start, end):
        text = sheet.texts[index]
        told = ends_step(text)
        if told is not None and told.exit_code != 0:
            failed, ending = True, told
        if sheet.marks[index] == "error" or (not marked_any and sheet.lines[index].level in _GRAVE):
            failed = True
    clean_up = bool(name and _CLEAN_UP.match(name))
    return Step(name, start, end, script, failed, ending, clean_up)


_ENDING_WORDS = ("exit", "xited", "Job failed", "FAILURE", "marked build", "Cleaning up")
_GRAVE = (LogLevel.ERROR, LogLevel.FATAL)


def _header(sheet: Sheet, start: int, end: int) -> tuple[str, ...]:
    """Blank the lines that tell what a step will run, with which shell and environment; return its script."""
    texts, marks = sheet.texts, sheet.marks
    first = next(
        (i for i in range(start, min(end, start + 3)) if marks[i] == "group" and texts[i].startswith("Run ")), None
    )
    if first is None:
        return ()
    last = next((i for i in range(first, min(end, first + _HEADER_LINES)) if marks[i] == "endgroup"), None)
    if last is None:
        return ()
    script: list[str] = []
    for index in range(first + 1, last):
        text = texts[index]
        if text.startswith(("shell: ", "env:", "with:")):
            break
        if text.strip() and not text.lstrip().startswith("#"):
            script.append(text.strip())
    for index in range(first, last + 1):
        texts[index] = ""
    return tuple(script)
