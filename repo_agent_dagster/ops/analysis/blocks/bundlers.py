"""Builders of web applications: webpack, Next.js, Vite, Rollup, esbuild, Babel; and CMake and make's own errors."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed, until
from repo_agent_dagster.ops.analysis.model import Anchor

_WEBPACK = re.compile(r"ERROR in (?:(?P<file>\S+\.\w{1,8})(?:[ :](?P<line>\d+):(?P<column>\d+)\S*)?)?\s*(?P<what>.*)$")
_NEXT = re.compile(
    r"(?:Failed to compile\.?|> Build failed because of webpack errors|Turbopack build failed with \d+ errors?:)\s*$"
)
_NEXT_FILE = re.compile(r"\./(?P<file>\S+\.\w{1,8})(?::(?P<line>\d+):(?P<column>\d+))?$")
_VITE = re.compile(r"(?:x |✗ )?error during build:\s*(?P<what>.*)$")
_ROLLUP = re.compile(r"\[!\] (?P<what>\(?\S.*)$")
_ESBUILD = re.compile(r"(?:✘|X) \[ERROR\] (?P<what>.*)$")
_PLACE = re.compile(r"\s*(?:file: )?(?P<file>[^\s:(]{1,300}\.\w{1,8}):(?P<line>\d+):(?P<column>\d+):?")
_COUNT = re.compile(r"Build failed with \d+ errors?:$")
_CMAKE = re.compile(r"CMake Error(?: at (?P<file>\S{1,300}?):(?P<line>\d+))?.*")
_MAKE = re.compile(r"make(?:\[\d+\])?: \*\*\* (?P<what>No rule to make target .*|.*missing separator.*|No targets? .*)")
_NINJA = re.compile(r"ninja: error: (?P<what>.*)")
_MESSAGE = re.compile(
    r"Module not found: |Type error: |SyntaxError|Error: |Module build failed|Syntax error"
    r"|Parsing error|x |TS\d+:|Can't resolve"
)
HINTS = (
    "ERROR in",
    "Failed to compile",
    "during build",
    "[!] ",
    "[ERROR]",
    "CMake Error",
    "make: ***",
    "make[",
    "ninja: error",
    "Build failed",
)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each error that a builder tells."""
    wrangler = any("wrangler" in text for text in texts)
    index = 0
    while index < len(texts):
        text = texts[index]
        block = None
        if text.startswith("ERROR in") and (match := _WEBPACK.match(text)):
            block = _paragraph("webpack", texts, index, match, _end_of_error)
        elif match := _NEXT.match(text.strip()):
            block = _next(texts, index)
        elif "during build" in text and (match := _VITE.match(text)):
            block = _paragraph("vite", texts, index, match, _end_of_stack)
        elif text.startswith("[!] ") and (match := _ROLLUP.match(text)):
            block = _paragraph("rollup", texts, index, match, _end_of_stack)
        elif "[ERROR] " in text[:12] and (match := _ESBUILD.match(text)):
            end = until(texts, index + 2, lambda line: bool(line.strip()) and not line.startswith("  "), 30)
            block = _paragraph(
                "wrangler" if wrangler else "esbuild", texts, index, match, lambda _texts, _start, stop=end: stop
            )
        elif text.startswith("CMake Error") and (match := _CMAKE.match(text)):
            end = until(texts, index + 1, lambda line: bool(line.strip()) and not line.startswith(" "), 40)
            said = next((line for line in texts[index + 1 : end] if line.strip()), text)
            anchors = (Anchor(match["file"], int(match["line"])),) if match["file"] else ()
            block = Block("cmake", index, end, trimmed(texts, range(index, end)), shown(said), anchors=anchors)
        elif match := _MAKE.match(text):
            block = Block("make", index, index + 1, (index,), shown(match["what"]), exit_code=2)
        elif match := _NINJA.match(text):
            block = Block("ninja", index, index + 1, (index,), shown(match["what"]))
        if block:
            yield block
        index = block.end if block else index + 1


def _end_of_error(texts: Sequence[str], start: int) -> int:
    return until(
        texts,
        start,
        lambda line: line.startswith(("ERROR in", "WARNING in", "webpack ", "Found ", "npm ", "##", "error ", "i ")),
        30,
    )


def _end_of_stack(texts: Sequence[str], start: int) -> int:
    return until(texts, start, lambda line: line.startswith(("npm ", "##", "error ", "    at ", " ELIFE")), 20)


def _paragraph(tool: str, texts: Sequence[str], start: int, match: re.Match[str], end_of: object) -> Block:
    end = end_of(texts, start + 1)  # type: ignore[operator]
    named = match.groupdict()
    picked = trimmed(texts, (i for i in range(start, end) if not texts[i].startswith(("    at ", " @ "))))
    what = named.get("what") or next(
        (texts[i] for i in picked if i > start and texts[i].strip() and not _COUNT.match(texts[i])), texts[start]
    )
    place = match if named.get("file") else next((m for i in picked if (m := _PLACE.match(texts[i]))), None)
    return Block(tool, start, end, picked, shown(what), anchors=_anchors(place))


def _next(texts: Sequence[str], start: int) -> Block:
    end = until(
        texts,
        start + 1,
        lambda line: line.startswith(
            ("npm ", "##", "error ", "> Build failed", "https://", "Import trace", "Next.js build worker", " ELIFE")
        ),
        60,
    )
    file = next((m for text in texts[start:end] if (m := _NEXT_FILE.match(text.strip()))), None)
    picked = trimmed(texts, range(start, end))
    said = next((texts[i] for i in picked if i > start and _MESSAGE.search(texts[i])), None)
    what = said or next((texts[i] for i in picked if i > start and texts[i].strip()), texts[start])
    return Block("next", start, end, picked, shown(what), anchors=_anchors(file))


def _anchors(place: re.Match[str] | None) -> tuple[Anchor, ...]:
    if place is None or not place["file"]:
        return ()
    line, column = place["line"], place["column"]
    return (Anchor(place["file"], int(line) if line else None, int(column) if column else None),)
