"""Errors that a text shows: tracebacks of Python and Node.js, pytest's reports, single lines of error. Pure.

Descriptions and the output of candidates are read by the same reader, so what is compared was read alike. It is
lenient: headers may be missing, frames cut off, prompts and quote marks before the lines.
"""

import re
from dataclasses import dataclass, replace

MAX_TEXT = 400_000
"""Characters of a text that are read, the last ones."""

_MESSAGE_LINES = 6
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_SUFFIX = (
    r"(?:Error|Exception|Warning|Interrupt|Exit|Fault|Failure|Failed|Timeout|Expired|Refused|DoesNotExist|NotFound"
    r"|Iteration|Missing|Invalid|Unavailable|Denied|Conflict)"
)
_TYPE = rf"(?:[A-Za-z_][\w$]{{0,80}}\.){{0,12}}[A-Z][\w$]{{0,80}}{_SUFFIX}\d?"
_ANY_TYPE = r"(?:[A-Za-z_][\w$]{0,80}\.){0,12}[A-Za-z_][\w$]{0,80}"
_HEADER = re.compile(r"^(?P<lead>[\s|+>#-]*)Traceback \(most recent call last\):?")
_PYTHON_FRAME = re.compile(r'^[\s|>]*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+?))?\s*$')
_IPYTHON_FRAME = re.compile(r"^(?P<file>(?:/|~/|[A-Za-z]:\\)\S+\.py)(?::\d+)? in (?P<function>[\w<>.]+)\(")
_LAST_LINE = re.compile(
    rf"^(?P<type>{_ANY_TYPE}(?=:(?: |$))|{_TYPE}(?=\s*$)|[a-z_]\w*(?:\.\w+)+(?=\s*$)|\w*Iteration(?=\s*$))"
    r"(?:: ?(?P<message>.*))?\s*$"
)
_ERROR_LINE = re.compile(
    rf"^[\s|>]*(?:Uncaught |\[?(?:error|ERROR)\]?:? |Unhandled \w+ )?(?P<type>{_TYPE}|Error)"
    r"(?: \[(?P<code>[A-Z][\w]+)\])?: ?(?P<message>.*)$"
)
_BARE_ERROR = re.compile(rf"^[\s|>]*(?P<type>{_TYPE}|StopIteration|KeyboardInterrupt|SystemExit)\s*$")
_NODE_FRAME = re.compile(
    r"^\s*at (?:async )?(?:new )?(?:(?P<function>[^()]+?) (?:\[as [^\]]+\] )?\()?"
    r"(?P<file>(?:file://|node:)?[^\s():][^():]*?|[A-Za-z]:\\[^():]+):(?P<line>\d+):\d+\)?(?: \{)?\s*$"
)
_PYTEST_ERROR = re.compile(r"^E {2,}(?P<text>\S.*)$")
_PYTEST_PLACE = re.compile(r"^(?P<file>[^\s:]+\.\w+):(?P<line>\d+): (?:in (?P<function>[\w<>]+)|(?P<type>[\w.]*))\s*$")
_PYTEST_SUMMARY = re.compile(rf"^(?:FAILED|ERROR) \S+ - (?P<type>{_TYPE})(?:: (?P<message>.*))?$")
_REPEATED = re.compile(r"^\s*\[Previous line repeated \d+ more times?\]")


@dataclass(frozen=True)
class Frame:
    """One call of a traceback. `source` is the line of code that it shows, empty where it shows none."""

    file: str
    line: int
    function: str = ""
    source: str = ""


@dataclass(frozen=True)
class ShownError:
    """An error as a text shows it: its type as written, its message, and its frames, the outermost first."""

    type: str
    message: str = ""
    frames: tuple[Frame, ...] = ()

    @property
    def name(self) -> str:
        """The type's name without its module."""
        return self.type.rpartition(".")[2]

    @property
    def line(self) -> str:
        """The error in one line, as interpreters print it."""
        first = self.message.split("\n", 1)[0]
        return f"{self.name}: {first}" if first else self.name


def without_colours(text: str) -> str:
    """Return the text without the escape sequences by which terminals are told colours."""
    return _ANSI.sub("", text)


def shown_errors(text: str) -> list[ShownError]:
    """Return the errors that the text shows, in its order; of chained ones each is one."""
    return _Reader(without_colours(text[-MAX_TEXT:]).splitlines()).read()


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._frames: list[Frame] = []  # of the error that is still to come
        self._found: list[ShownError] = []
        self._in_report = False  # inside the E lines of one pytest failure

    def read(self) -> list[ShownError]:
        number = 0
        while number < len(self._lines):
            number = self._step(number)
        return self._found

    def _step(self, at: int) -> int:
        line = self._lines[at]
        if _HEADER.match(line):
            self._frames = []
            return at + 1
        if match := _PYTHON_FRAME.match(line) or _IPYTHON_FRAME.match(line):
            return self._python_frame(at, match)
        if match := _PYTEST_ERROR.match(line):
            if not self._in_report:
                self._pytest_error(match["text"])
            self._in_report = True
            return at + 1
        self._in_report = False
        if match := _PYTEST_PLACE.match(line):
            self._pytest_place(at, match)
            return at + 1
        if _REPEATED.match(line):
            return at + 1
        if self._frames and (match := _LAST_LINE.match(line.lstrip(" |>#\t"))):
            return self._python_error(at, match)
        if match := _PYTEST_SUMMARY.match(line):
            if not self._found:
                self._add(match["type"], match["message"] or "")
            return at + 1
        if match := _ERROR_LINE.match(line):
            return self._error_line(at, match)
        if match := _BARE_ERROR.match(line):
            self._add(match["type"], "")
            return self._node_frames(at + 1)
        return at + 1

    def _python_frame(self, at: int, match: re.Match[str]) -> int:
        groups = match.groupdict()
        following = self._lines[at + 1] if at + 1 < len(self._lines) else ""
        # The line of code is indented deeper than the line that names its place.
        own = len(match[0]) - len(match[0].lstrip(" |>"))
        deeper = len(following) - len(following.lstrip(" |>")) > own and not _PYTHON_FRAME.match(following)
        source = following.strip(" |>") if deeper else ""
        self._frames.append(Frame(match["file"], int(groups.get("line") or 0), match["function"] or "", source))
        at += 2 if deeper else 1
        while at < len(self._lines) and re.fullmatch(r"[\s|>]*[~^]+\s*", self._lines[at]):
            at += 1
        return at

    def _python_error(self, at: int, match: re.Match[str]) -> int:
        message = [match["message"] or ""]
        at += 1
        while at < len(self._lines) and len(message) < _MESSAGE_LINES and self._continues(self._lines[at]):
            message.append(self._lines[at].rstrip())
            at += 1
        self._add(match["type"], "\n".join(message).rstrip())
        return at

    @staticmethod
    def _continues(line: str) -> bool:
        starts = (_HEADER, _PYTHON_FRAME, _ERROR_LINE, _PYTEST_PLACE)
        return bool(line.strip()) and line[:1] in " \t" and not any(shape.match(line) for shape in starts)

    def _pytest_error(self, text: str) -> None:
        match = re.match(rf"(?P<type>{_TYPE}|{_ANY_TYPE}(?=: ))(?:: (?P<message>.*))?$", text)
        if match and not text.startswith("assert "):
            self._add(match["type"], match["message"] or "")
        else:
            self._add("AssertionError", text)

    def _pytest_place(self, at: int, match: re.Match[str]) -> None:
        if match["function"] or not match["type"]:
            following = self._lines[at + 1].strip() if at + 1 < len(self._lines) else ""
            self._frames.append(Frame(match["file"], int(match["line"]), match["function"] or "", following))
        elif self._found:
            last = self._found[-1]
            frame = Frame(match["file"], int(match["line"]))
            if not any((one.file, one.line) == (frame.file, frame.line) for one in last.frames):
                self._found[-1] = replace(last, frames=(*last.frames, frame))

    def _error_line(self, at: int, match: re.Match[str]) -> int:
        message, following = [match["message"]], at + 1
        # Of Node.js the message may have lines of its own before the first frame.
        for ahead in range(at + 1, min(at + _MESSAGE_LINES + 1, len(self._lines))):
            if _NODE_FRAME.match(self._lines[ahead]):
                message += [line.rstrip() for line in self._lines[at + 1 : ahead]]
                following = ahead
                break
            if _ERROR_LINE.match(self._lines[ahead]) or _HEADER.match(self._lines[ahead]):
                break
        self._add(match["type"], "\n".join(message).strip())
        return self._node_frames(following)

    def _node_frames(self, at: int) -> int:
        frames = []
        while at < len(self._lines) and (match := _NODE_FRAME.match(self._lines[at])):
            if not match["file"].startswith("node:"):
                frames.append(
                    Frame(match["file"].removeprefix("file://"), int(match["line"]), (match["function"] or "").strip())
                )
            at += 1
        if frames and self._found:
            self._found[-1] = replace(self._found[-1], frames=(*self._found[-1].frames, *reversed(frames)))
        return at

    def _add(self, type_: str, message: str) -> None:
        self._found.append(ShownError(type_, message, tuple(self._frames)))
        self._frames = []
