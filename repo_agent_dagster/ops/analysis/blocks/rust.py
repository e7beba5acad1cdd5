"""Cargo and rustc: compile errors, lints that deny, failed tests, dependencies that cannot be resolved."""

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

_ERROR = re.compile(r"error(?:\[(?P<rule>E\d{4})\])?: (?P<what>.*)")
_WRAPPER = re.compile(
    r"error: (?:could not compile|aborting due to|test failed, to rerun|\d+ targets? failed|build failed"
    r"|process didn't exit successfully|doctest failed|recipe `|script .{1,80} exited|Command failed)"
)
_ARROW = re.compile(r"\s*--> (?P<file>\S.{0,300}?):(?P<line>\d+):(?P<column>\d+)")
_TEST = re.compile(r"---- (?P<test>\S.{0,300}?) stdout ----$")
_PANICKED = re.compile(r"thread '.{0,200}' (?:\(\d+\) )?panicked at ")
_INLINE = re.compile(r"panicked at '(?P<what>.*)', \S+:\d+:\d+$")
_LINT = re.compile(
    r"#\[(?:deny|forbid)\(([\w:]+)\)\]|implied by `#\[deny|`-D ([\w:-]+)`|\[-D ([\w:-]+)\]"
    r"|/rust-clippy/\S{1,40}#(?P<lint>\w+)"
)
_EXPLAINS = (
    *(" ", "\t", "Caused by", "required by", "... ", "perhaps", "versions that", "the package", "failed to"),
    *("all possible", "candidate", "location", "help:", "note:", "As a reminder", "previously selected"),
)
_MANIFEST = (
    *("error: no matching package", "error: failed to select a version", "error: failed to parse manifest"),
    *("error: failed to get `", "error: failed to load", "error: failed to download", "error: the lock file"),
)
_FORMAT = re.compile(r"Diff in (?P<file>\S.{0,300}?)(?: at line |:)(?P<line>\d+):$")
HINTS = ("Diff in ", "error: ", "error[E", " stdout ----")
_FOREIGN = re.compile(
    r"error: (?:failed to push|failed to solve|pathspec|command |unknown option|option )"
    r"|error: .*(?:/dev/|subprocess-exited)"
)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each compile error and each failed test."""
    cargo = any(
        text.lstrip().startswith(
            (*_MANIFEST, "Compiling ", "Checking ", "Updating ", "Running `", "error[E", "---- ", "Diff in ")
        )
        or "cargo" in text
        for text in texts
    )
    if not cargo:
        return
    index = 0
    while index < len(texts):
        text = texts[index]
        block = None
        if text.startswith("error") and (match := _ERROR.match(text)) and not _WRAPPER.match(text):
            block = _compile_error(texts, index, match) if not _FOREIGN.match(text) else None
        elif text.startswith("Diff in ") and (match := _FORMAT.match(text)):
            end = until(texts, index + 1, lambda line: not line.startswith(("+", "-", " ")), 60)
            anchors = (Anchor(match["file"], int(match["line"])),)
            what = f"{match['file']} is not formatted"
            block = Block("rustfmt", index, end, trimmed(texts, range(index, end)), what, anchors=anchors)
        elif text.startswith("----") and (match := _TEST.match(text)):
            block = _test(texts, index, match["test"])
        if block:
            yield block
        index = block.end if block else index + 1


def _compile_error(texts: Sequence[str], start: int, match: re.Match[str]) -> Block:
    place = next((m for text in texts[start + 1 : start + 4] if (m := _ARROW.match(text))), None)
    if place:
        end = until(texts, start + 1, lambda line: not line.strip() or line.startswith(("error", "warning")), 60)
        anchors: tuple[Anchor, ...] = (Anchor(place["file"], int(place["line"]), int(place["column"])),)
    else:  # a manifest, a dependency, a build script
        end = _end_of_tale(texts, start + 1)
        anchors = ()
    rule = match["rule"]
    if rule is None and (lint := _LINT.search("\n".join(texts[start:end]))):
        rule = lint[1] or lint[2] or lint[3] or f"clippy::{lint['lint']}".replace("_", "-")
    what = f"{match['what']} [{rule}]" if rule else match["what"]
    tool = "clippy" if rule and rule.startswith("clippy") else "rustc" if place else "cargo"
    return Block(tool, start, end, trimmed(texts, range(start, end)), shown(what), anchors=anchors, rule=rule)


def _end_of_tale(texts: Sequence[str], start: int) -> int:
    """Return where a message without a place ends: its paragraphs go on as long as they are indented or explain."""
    index = start
    while index < min(len(texts), start + 60):
        text = texts[index]
        if text.strip() and not text.startswith(_EXPLAINS):
            break
        index += 1
    return index


def _test(texts: Sequence[str], head: int, test: str) -> Block:
    end = until(texts, head + 1, lambda line: line.startswith(("---- ", "failures:", "test result:", "successes:")))
    picked = [head]
    headline = ""
    for index in range(head + 1, end):
        text = texts[index]
        if _PANICKED.search(text) or text.startswith(("Error: ", "error: test failed")):
            stop = until(
                texts, index + 1,
                lambda line: not line.strip() or line.startswith(("note: ", "stack backtrace:", "thread '")), 40,
            )  # fmt: skip
            picked += range(index, stop)
            inline = _INLINE.search(text)
            headline = inline["what"] if inline else (texts[index + 1] if stop > index + 1 else text)
    for index in own_frame_lines(texts, head + 1, end):
        if texts[index].lstrip().startswith("at "):
            picked += [index - 1, index]  # the function stands above its place
    if not headline:  # a doc test, or a test that returned an error
        picked = list(range(head, min(end, head + 30)))
        headline = next((text for text in texts[head + 1 : end] if text.strip()), test)
    frames = stack_in(texts, head, end)
    return Block(
        "cargo test", head, end, trimmed(texts, picked), shown(headline), exception="panic",
        frames=frames, anchors=anchors_of(frames), test=test.partition(" - ")[0] if " - " in test else test,
    )  # fmt: skip
