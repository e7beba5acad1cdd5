"""Reports on a program's use of memory and threads: the sanitizers of C, C++ and Rust, and Valgrind."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, Rank, anchors_of, shown, trimmed, until
from repo_agent_dagster.ops.analysis.model import Anchor, Frame
from repo_agent_dagster.ops.analysis.stacks import is_ours

_HEAD = re.compile(
    r"(?:==\d+==\s?ERROR|WARNING): (?P<what>(?P<tool>\w{4,20}Sanitizer): (?P<kind>\S.*?)(?: on | in | at | \(|:|$).*)"
)
_UNDEFINED = re.compile(r"(?P<file>[^\s:][^:]{0,300}):(?P<line>\d+):(?P<column>\d+): runtime error: (?P<what>\S.*)")
_SUMMARY = re.compile(r"SUMMARY: (?P<what>\w{4,20}Sanitizer: \S.*)")
_FRAME = re.compile(
    r"\s+#\d{1,3} (?:0x[0-9a-f]+ )?(?:in )?(?P<function>\S.{0,300}) (?P<file>[^\s:()]{1,300}):(?P<rest>[\d:]+)"
)
_ACCESS = re.compile(
    r"\s*(?:READ|WRITE|(?:Previous )?(?:atomic )?(?:[Rr]ead|[Ww]rite)) of size \d|.{0,20}(?:Direct|Indirect) leak of "
    r"|0x[0-9a-f]+ is located|\s+(?:Location is|Thread T\d|Mutex M\d)|freed by|previously allocated|allocated by"
)
_FOREIGN = re.compile(
    r"(?:\.\./){1,6}(?:src/libsanitizer|sysdeps|csu|nptl)|compiler-rt/|/rustc/|libsanitizer/|^/usr/include/"
)
_AFTER = re.compile(r"\s+\S|Shadow byte|=>|==\d+==ABORTING|\s*$")
_VALGRIND = re.compile(
    r"==\d+== (?P<what>Invalid (?:read|write|free).*|Conditional jump or move.*|Use of uninitialised.*"
    r"|Mismatched free.*|Process terminating with.*"
    r"|[\d,]+ (?:\([\d,a-z ]+\) )?bytes in .* (?:definitely|indirectly) lost.*)"
)
_VALGRIND_FRAME = re.compile(
    r"==\d+==\s+(?:at|by) 0x[0-9A-F]+: (?P<function>\S.*) \((?P<file>[^\s:()]+):(?P<line>\d+)\)$"
)
_VALGRIND_ERRORS = re.compile(r"==\d+== ERROR SUMMARY: [1-9]|==\d+== Process terminating")
_MOST_FRAMES = 60
HINTS = ("Sanitizer: ", ": runtime error: ", "== ERROR SUMMARY", "== Process terminating")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each report: what was done wrong, where, and the frames in our own code."""
    index = 0
    grave = any(_VALGRIND_ERRORS.match(text) for text in texts if text.startswith("=="))
    while index < len(texts):
        text = texts[index]
        block = None
        if "Sanitizer: " in text and (match := _HEAD.match(text)):
            block = _report(texts, index, match)
        elif ": runtime error: " in text and len(text) <= 2000 and (match := _UNDEFINED.match(text)):
            block = _undefined(texts, index, match)
        elif grave and text.startswith("==") and len(text) <= 600 and (match := _VALGRIND.match(text)):
            block = _valgrind(texts, index, match)
        if block:
            yield block
        index = block.end if block else index + 1


def _report(texts: Sequence[str], head: int, match: re.Match[str]) -> Block:
    end = until(texts, head + 1, lambda line: line.startswith(("SUMMARY: ", "=====", "##")) or bool(_HEAD.match(line)))
    summary = _SUMMARY.match(texts[end]) if end < len(texts) else None
    first = next((i for i in range(head + 1, end) if not texts[i].strip()), end)
    told = [i for i in range(head + 1, end) if _ACCESS.match(texts[i])]
    own, frames = _frames(texts, head + 1, first if any(_FRAME.match(t) for t in texts[head + 1 : first]) else end)
    others, _ = _frames(texts, first, end)
    picked = [head, *told, *own, *others]
    if summary is not None:
        picked.append(end)
        end = until(texts, end + 1, lambda line: not _AFTER.match(line), 60)
        while not texts[end - 1].strip():
            end -= 1
    kind = match["kind"].replace(" ", "-")[:60]
    what = summary["what"] if summary is not None and match["tool"] != "LeakSanitizer" else match["what"]
    return Block(
        match["tool"], head, end, trimmed(texts, picked), shown(what), exception=kind,
        frames=frames, anchors=anchors_of(frames), rule=kind,
    )  # fmt: skip


def _valgrind(texts: Sequence[str], head: int, match: re.Match[str]) -> Block:
    """Valgrind writes its process id before each line; an empty one ends an error."""
    end = until(texts, head + 1, lambda line: not line.startswith("==") or line.rstrip().endswith("=="), 60)
    found = [(i, m) for i in range(head + 1, end) if len(texts[i]) <= 600 and (m := _VALGRIND_FRAME.match(texts[i]))]
    frames = tuple(Frame(m["function"], Anchor(m["file"], int(m["line"])), is_ours(m["file"])) for _, m in found)
    return Block(
        "valgrind", head, end, trimmed(texts, [head, *(i for i, _ in found)]), shown(match["what"]),
        frames=frames, anchors=anchors_of(frames), rank=Rank.CRASH,
    )  # fmt: skip


def _undefined(texts: Sequence[str], head: int, match: re.Match[str]) -> Block:
    """UndefinedBehaviorSanitizer tells in one line; the program may go on after it."""
    end = until(texts, head + 1, lambda line: not line.startswith(("    #", "SUMMARY: Undefined")), _MOST_FRAMES)
    own, frames = _frames(texts, head + 1, end)
    place = Anchor(match["file"], int(match["line"]), int(match["column"]))
    summary = [i for i in range(head + 1, end) if texts[i].startswith("SUMMARY")]
    return Block(
        "UndefinedBehaviorSanitizer", head, end, trimmed(texts, [head, *own, *summary]),
        shown(f"runtime error: {match['what']}"), exception="undefined-behavior", frames=frames,
        anchors=tuple(dict.fromkeys((place, *anchors_of(frames))))[:5], rank=Rank.CRASH,
    )  # fmt: skip


def _frames(texts: Sequence[str], start: int, end: int) -> tuple[list[int], tuple[Frame, ...]]:
    """Return the lines of frames in our own code, and all frames, innermost first."""
    own: list[int] = []
    frames: list[Frame] = []
    for index in range(start, end):
        match = _FRAME.match(texts[index]) if "#" in texts[index][:12] and len(texts[index]) <= 1000 else None
        if match is None:
            continue
        numbers = [int(part) for part in match["rest"].split(":") if part][:2]
        ours = is_ours(match["file"]) and not _FOREIGN.search(match["file"])
        anchor = Anchor(match["file"], *numbers)
        frames.append(Frame(match["function"], anchor, ours))
        if ours:
            own.append(index)
    return own, tuple(frames[:_MOST_FRAMES])
