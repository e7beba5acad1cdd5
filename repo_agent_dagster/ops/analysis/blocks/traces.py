"""Stack traces that a program wrote as it ended, or as it went on: Python, JavaScript, Java, .NET, Go, Rust, Ruby."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import (
    Block,
    Rank,
    anchors_of,
    own_frame_lines,
    shown,
    stack_in,
    trimmed,
    until,
)
from repo_agent_dagster.ops.analysis.model import Anchor
from repo_agent_dagster.ops.analysis.stacks import exception_of, frame_of, raised

_PYTHON = "Traceback (most recent call last)"
_CHAIN = re.compile(
    r"(?:The above exception was the direct cause|During handling of the above exception"
    r"|  \+ Exception Group Traceback)"
)
_AT = re.compile(r"[\s|]{1,60}at \S")
_STACK_GOES_ON = re.compile(
    r"\s*(?:at \S|\.\.\. \d+ |Caused by: |Suppressed: |\[cause\]: |\[errors\]: |--- End of |---> |\}|from \S)"
)
_GO = re.compile(
    r"(?:panic: (?P<what>.*)|fatal error: (?P<fatal>[a-z].*)|(?P<signal>SIG[A-Z]+: .*)|unexpected fault address.*)"
)
_GO_GOES_ON = re.compile(
    r"goroutine \d|\t|\[signal|created by |running tests:$|\s*$|panic: |\S+\(.*\)$|exit status"
    r"|\S+\.\S+\(|FAIL\t|rax|r[a-z0-9]{1,3} "
)
_RUST = re.compile(r"thread '.{0,200}' (?:\(\d+\) )?panicked at (?:'(?P<what>.*)', )?")
_RUBY = re.compile(r"(?P<place>\S{1,300}\.rb:\d+):in [`'‘].{1,200}['’]: (?P<what>.*)$")
_SOURCE = re.compile(r"(?P<file>(?:file://)?/?[^\s:]{1,300}\.\w{1,5}):(?P<line>\d+)$")
_SYNTAX = re.compile(r"(?:Syntax|Indentation|Tab)Error: ")
_PYTHON_FILE = re.compile(r'\s*File "([^"]{1,300})", line (\d+)$')
_DUMP = re.compile(r"\s*$|\s|Thread 0x|Current thread 0x|Extension modules|#")
_CRASH = re.compile(r"Fatal Python error: |#\s+A fatal error has been detected")
HINTS = (
    _PYTHON,
    "    at ",
    "\tat ",
    "   at ",
    "panic: ",
    "fatal error: ",
    "panicked at",
    ":in `",
    ":in '",
    "Error: ",
    "Fatal Python",
    "fatal error has been",
)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each trace, chained exceptions together."""
    index = 0
    while index < len(texts):
        text = texts[index]
        block = None
        if _PYTHON in text:
            block = _python(texts, index)
        elif "at " in text[:64] and _AT.match(text) and frame_of(text) is not None:
            block = _at_frames(texts, index)
        elif text.startswith(("panic: ", "fatal error: ", "SIG", "unexpected fault")) and (match := _GO.match(text)):
            block = _go(texts, index, match)
        elif text.startswith("thread '") and (match := _RUST.match(text)):
            block = _rust(texts, index, match)
        elif ".rb:" in text and (match := _RUBY.match(text)):
            end = until(texts, index + 1, lambda line: not line.startswith(("\tfrom ", "\t", " ")), 200)
            block = _block("ruby", texts, index, end, index, match["what"])
        elif _SYNTAX.match(text):
            block = _syntax(texts, index)
        elif _CRASH.search(text[:200]):
            end = until(texts, index + 1, lambda line: not _DUMP.match(line), 200)
            block = _block("crash", texts, index, end, index, text)
        if block:
            yield block
        index = block.end if block else index + 1


def _python(texts: Sequence[str], start: int) -> Block:
    """A traceback, and those it is chained to; each ends with the first line that is not indented below its frames."""
    lead = texts[start].index(_PYTHON) if _PYTHON in texts[start] else 0
    margin = texts[start][:lead] if not texts[start][:lead].strip(" |+") else ""
    end = start + 1
    last = start
    heads: list[int] = []
    while end < min(len(texts), start + 400):
        end = until(texts, end, lambda line: line.startswith(margin) and _ends_frames(line[len(margin) :]), 200)
        if end >= len(texts) or not texts[end].strip():
            break
        heads.append(end)
        last = end
        end += 1
        while end < len(texts) and end < last + 25 and texts[end].startswith((margin + "  ", margin + "\t")):
            end += 1
        last = end - 1
        ahead = next((i for i in range(end, min(end + 3, len(texts))) if texts[i].strip(" |+")), None)
        if ahead is None or not _CHAIN.match(texts[ahead].strip(" |")):
            break
        end = until(texts, ahead, lambda line: _PYTHON in line, 6) + 1
        last = min(end, len(texts)) - 1
    stop = min(max(last + 1, start + 1), len(texts))
    told = heads[-1] if heads else start
    picked = [start, *heads, *range(told, min(stop, told + 12))]
    headline = texts[told].strip(" |+")
    before = texts[start][:lead].strip(" |+")
    if not heads and before:
        headline = before
    return _block("python", texts, start, stop, told, headline, picked)


def _ends_frames(line: str) -> bool:
    return bool(line.strip(" |+-")) and not line.startswith((" ", "\t", "|", "+", "["))


def _at_frames(texts: Sequence[str], first: int) -> Block:
    """Frames that start with "at": the message above them, its causes below them."""
    start = first
    for above in range(first - 1, max(-1, first - 13), -1):
        text = texts[above]
        if not text.strip():
            break
        start = above
        if raised(_unlogged(text)) or exception_of(text):
            break
    else:
        start = max(first - 1, 0)
    if raised(_unlogged(texts[start])) is None and not _is_message(
        texts[start]
    ):  # a difference or an excerpt may stand between the message and its frames
        nearest = max(first - 1, 0)
        bare = nearest if texts[nearest].strip() else first
        start = next((i for i in range(nearest, max(-1, first - 16), -1) if _is_message(texts[i])), bare)
    end = until(texts, first, lambda line: not (_STACK_GOES_ON.match(line) or _is_property(line)), 300)
    heads = [
        start,
        *(i for i in range(first, end) if texts[i].lstrip().startswith(("Caused by: ", "[cause]: ", "---> "))),
    ]
    picked = [*range(start, min(first, start + 12)), *heads]
    excerpt = next((i for i in range(max(0, start - 6), start) if _SOURCE.match(texts[i])), None)
    anchor = None
    if excerpt is not None and (match := _SOURCE.match(texts[excerpt])) and "node:" not in texts[excerpt]:
        anchor = Anchor(match["file"].removeprefix("file://"), int(match["line"]))
        picked += [i for i in range(excerpt, start) if texts[i].strip()]
    while end < len(texts) and (not texts[end].strip() or texts[end].startswith("Node.js v")) and end < first + 320:
        if texts[end].startswith("Node.js v"):
            end += 1
            break
        if not (end + 1 < len(texts) and texts[end + 1].startswith(("Node.js v", ""))):
            break
        if not any(line.startswith("Node.js v") for line in texts[end : end + 2]):
            break
        end += 1
    begin = excerpt if excerpt is not None else start
    block_headline = _unlogged(texts[start].strip())
    return _block("stack", texts, begin, end, start, block_headline, picked, anchor)


def _is_message(text: str) -> bool:
    return text.startswith("error: ") or exception_of(text) is not None


def _unlogged(text: str) -> str:
    """Return a logged exception's line without the logger's words before it, where the class stands in the middle."""
    stripped = text.strip()
    if "Error" not in stripped and "Exception" not in stripped:
        return stripped
    match = re.search(
        r"(?:Uncaught |Unhandled )?(?:[A-Za-z_][\w$.]{0,120}\.)?[A-Z]\w{0,60}(?:Error|Exception)\b.*", stripped[:1000]
    )
    return match[0] if match and match.start() < 120 else stripped


def _is_property(line: str) -> bool:
    return bool(re.match(r"\s{2,}\[?[\w$]{1,40}\]?: |\s{2,}[\]}]|\}", line))


def panic_at(texts: Sequence[str], start: int) -> Block | None:
    """Return the block of Go's panic that starts on this line, if one does."""
    match = _GO.match(texts[start]) if start < len(texts) else None
    return _go(texts, start, match) if match else None


def _go(texts: Sequence[str], start: int, match: re.Match[str]) -> Block | None:
    end = until(texts, start + 1, lambda line: not _GO_GOES_ON.match(line), 400)
    has_stack = any(text.startswith("goroutine ") for text in texts[start:end])
    if not has_stack and "panic: " not in texts[start]:
        return None
    while end > start + 1 and (not texts[end - 1].strip() or texts[end - 1].startswith(("FAIL", "exit status"))):
        end -= 1
    headline = re.sub(r" \[recovered.*\]$", "", match["what"] or match["fatal"] or texts[start])
    told = [index for index in range(start, end) if texts[index].lstrip().startswith(("panic: ", "[signal"))]
    return _block("go", texts, start, end, start, headline, [start, *told], exception="panic")


def _own_go_lines(texts: Sequence[str], start: int, end: int) -> list[int]:
    """Return the lines of Go's frames in our own code: the function, and the place below it."""
    return [
        line
        for index in range(start + 1, end)
        if texts[index].startswith("\t") and any(f.is_ours for f in stack_in(texts, index - 1, index + 1))
        for line in (index - 1, index)
        if ".go:" in texts[index]
    ]


def _rust(texts: Sequence[str], start: int, match: re.Match[str]) -> Block:
    stop = until(
        texts,
        start + 1,
        lambda line: not line.strip() or line.startswith(("note: ", "stack backtrace", "thread '")),
        30,
    )
    end = until(
        texts,
        stop,
        lambda line: bool(line.strip()) and not re.match(r"\s+(?:\d+: |at )|note: |stack backtrace", line),
        300,
    )
    headline = match["what"] or (texts[start + 1] if stop > start + 1 else texts[start])
    return _block("rust", texts, start, max(end, stop), start, headline, list(range(start, stop)), exception="panic")


def _syntax(texts: Sequence[str], index: int) -> Block | None:
    """A syntax error that no traceback introduces: the file's line stands above it."""
    for above in range(index - 1, max(-1, index - 5), -1):
        if match := _PYTHON_FILE.match(texts[above]):
            block = _block("python", texts, above, index + 1, index, texts[index], list(range(above, index + 1)))
            return (
                block
                if block.anchors
                else _block(
                    "python",
                    texts,
                    above,
                    index + 1,
                    index,
                    texts[index],
                    list(range(above, index + 1)),
                    Anchor(match[1], int(match[2])),
                )
            )
    return None


def _block(
    tool: str,
    texts: Sequence[str],
    start: int,
    end: int,
    told: int,
    headline: str,
    picked: Sequence[int] | None = None,
    anchor: Anchor | None = None,
    exception: str | None = None,
) -> Block:
    frames = stack_in(texts, start, end)
    own: list[int] = _own_go_lines(texts, start, end)
    for index in own_frame_lines(texts, start, end):
        own.append(index)
        if 'File "' in texts[index] and index + 1 < end and frame_of(texts[index + 1]) is None:
            own.append(index + 1)  # the source line below the frame
    anchors = (*((anchor,) if anchor else ()), *anchors_of(frames))
    return Block(
        tool,
        start,
        end,
        trimmed(texts, [*(picked or [told]), *own]),
        shown(headline),
        exception=exception or raised(headline),
        frames=frames,
        anchors=anchors,
        rank=Rank.CRASH,
        is_trace=True,
    )
