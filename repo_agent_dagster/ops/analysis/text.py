"""Log text as a person reads it in a terminal: no escapes, the last state of a progress line, no foreign prefixes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from repo_agent_dagster.ops.analysis.model import Anchor

MAX_LINE_CHARACTERS = 4000
"""A longer line is cut here and says so; what failed is told at its start."""

Mark = Literal["error", "warning", "notice", "debug", "group", "endgroup", "section", "command"]
"""What a build service marks a line as."""

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI: colours, cursor movements
    r"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?"  # OSC and the other strings: titles, links
    r"|\x1b[ -/]{0,8}[0-~]?"  # two-character escapes
)
_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")
_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
_STAMP = re.compile(rf"\ufeff?\[?({_TIME})\]?(?: \d\d[OE]\+?)?[ \t]?")
_CLOCK = re.compile(r"\[\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?[AP]M)?\] ")
_MARK = re.compile(r"##\[(error|warning|notice|debug|group|endgroup|section|command)\]")
_WORKFLOW_COMMAND = re.compile(r"::(error|warning|notice|debug|group|endgroup)(?: ([^:]{0,500}(?::[^:]{1,500})?))?::")
_BUILDKIT = re.compile(r"#\d{1,4} (?:\d{1,6}\.\d{1,4} )?")
_TASK = r"(?:test|build|lint|type-?check|check|start|dev|ci|e2e|unit|format)[\w:-]{0,30}"
_SPEAKER = re.compile(
    r"\x20{0,2}(?P<service>[\w@/.-]{1,60}[-_]\d{1,3})\s{1,20}\|(?: |$)"  # Docker Compose
    rf"|(?P<task>[\w@/.-]{{1,60}}[: ]{_TASK}):(?: |$)"  # Turborepo, pnpm
    r"|(?P<worker>\[gw\d{1,3}\]) (?!linux|darwin|win)"  # pytest-xdist
    r"|(?P<process>\[\d{1,2}\]) (?![+-]|\d)"  # concurrently
)


@dataclass(frozen=True, slots=True)
class Marked:
    """A line's text without the build service's marker, the marker, and the place that it names."""

    text: str
    mark: Mark | None = None
    anchor: Anchor | None = None


def plain(text: str) -> str:
    """Return one line without escapes and control characters; of a progress line, what it showed last."""
    if len(text) > MAX_LINE_CHARACTERS * 4:
        text = text[: MAX_LINE_CHARACTERS * 4]
    if _CONTROL.search(text) is None:
        return text
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPES.sub("", text)
    if "\r" in text:
        states = [state for state in text.split("\r") if state.strip()]
        text = states[-1] if states else ""
    if "\b" in text:
        text = _backspaced(text)
    return text.translate(_CONTROLS).lstrip("\ufeff")


def cut(text: str) -> str:
    """Return the line, cut to `MAX_LINE_CHARACTERS` with a mark that tells how much is missing."""
    if len(text) <= MAX_LINE_CHARACTERS:
        return text
    return f"{text[:MAX_LINE_CHARACTERS]} … [{len(text) - MAX_LINE_CHARACTERS} more characters]"


def stamped(text: str) -> tuple[datetime | None, str]:
    """Return the time that stands at the line's start, as UTC, and what follows it."""
    if not (text[:1].isdigit() or text[:1] in "[\ufeff"):
        return None, text
    match = _STAMP.match(text)
    if match is None:
        return None, text
    return _utc(match[1]), text[match.end() :]


def marked(text: str) -> Marked:
    """Return the line without ``##[error]`` or ``::error file=a.py,line=3::``, and what these say."""
    if (match := _MARK.search(text, 0, 300)) and not text[: match.start()].strip():
        return Marked(text[match.end() :], match[1])  # type: ignore[arg-type]
    if "::" in text[:12] and (match := _WORKFLOW_COMMAND.match(text.lstrip())):
        rest = text.lstrip()[match.end() :].replace("%0A", "\n").replace("%0D", "").replace("%25", "%")
        return Marked(rest, match[1], _annotated_place(match[2] or ""))  # type: ignore[arg-type]
    return Marked(text)


def spoken(text: str) -> tuple[str | None, str]:
    """Return who says the line, where several speak in turns, and what is said.

    What wrappers put before each line goes: times, BuildKit's step, a service's or package's name.
    """
    if not text:
        return None, text
    first = text[0]
    if first.isdigit() or first == "[":
        text = stamped(text)[1]
        if match := _CLOCK.match(text):
            text = text[match.end() :]
    if first == "#" and (match := _BUILDKIT.match(text)):
        return None, text[match.end() :]
    if (":" in text[:104] or "|" in text[:90] or first == "[") and (match := _SPEAKER.match(text)):
        return match[match.lastgroup or 0], text[match.end() :]
    return None, text


def _backspaced(text: str) -> str:
    kept: list[str] = []
    for character in text:
        if character != "\b":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)


def _annotated_place(properties: str) -> Anchor | None:
    named = dict(part.split("=", 1) for part in properties.split(",") if "=" in part)
    if not (file := named.get("file", "").strip()):
        return None
    line, column = named.get("line", ""), named.get("col", "")
    return Anchor(file, int(line) if line.isdecimal() else None, int(column) if column.isdecimal() else None)


def _utc(text: str) -> datetime | None:
    iso = text.replace(",", ".").replace(" UTC", "Z").replace(" Z", "Z").replace(" +", "+").replace(" -", "-")
    head, dot, rest = iso.partition(".")
    if dot:  # datetime knows microseconds; build services write ten-millionths of a second
        digits = re.match(r"\d+", rest)
        fraction = digits[0] if digits else "0"
        iso = f"{head}.{fraction[:6].ljust(6, '0')}{rest[len(fraction) :]}"
    try:
        ts = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return ts.replace(tzinfo=UTC) if ts.tzinfo is None else ts.astimezone(UTC)
