"""Make a script smaller while it still shows the same: delta debugging on statements, level by level. Pure.

The algorithm is Zeller and Hildebrandt's ddmin ("Simplifying and Isolating Failure-Inducing Input", 2002), applied to
the statements of each nesting level in turn (Misherghi and Su, "HDD", 2006).
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ast_grep_py import SgNode

from repo_agent_dagster.pathways.recreation.snippets.node_scripts import span, statements, syntax

T = TypeVar("T")
MOST_LEVELS = 12
MOST_ROUNDS = 3


@dataclass(frozen=True)
class Statement:
    """A statement: its span in characters, the number of the body that holds it, and what stands for an empty body."""

    start: int
    end: int
    body: int
    filler: str = ""


Levels = Callable[[str], list[list[Statement]]]


def ddmin(items: Sequence[T], shows: Callable[[list[T]], bool]) -> list[T]:
    """Return a part of the items that still shows it and of which no single item can be left out.

    `shows` is taken to be true of all items; it is asked only about real parts of them.
    """
    kept = list(items)
    pieces = 2
    while len(kept) > 1:
        size = -(-len(kept) // pieces)
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            if rest and shows(rest):
                kept, pieces = rest, max(pieces - 1, 2)
                break
        else:
            if pieces >= len(kept):
                break
            pieces = min(pieces * 2, len(kept))
    return [] if len(kept) == 1 and shows([]) else kept


def reduce_script(text: str, levels: Levels, shows: Callable[[str], bool], *, first_level: int = 0) -> str:
    """Return the script without the statements that are not needed for it to show the same.

    `levels` gives the statements by nesting, the outermost first; those above `first_level` stay. `shows` runs a
    script; it may say no when its budget is spent, and what was found until then is returned.
    """
    for _ in range(MOST_ROUNDS):
        before = text
        for level in range(first_level, MOST_LEVELS):
            found = levels(text)
            if level >= len(found):
                break
            text = _reduce_level(text, found[level], shows)
        if text == before:
            break
    return text


def _reduce_level(text: str, found: list[Statement], shows: Callable[[str], bool]) -> str:
    kept = ddmin(found, lambda part: shows(without(text, found, part)))
    return without(text, found, kept)


def without(text: str, found: Sequence[Statement], kept: Sequence[Statement]) -> str:
    """Return the script with only those of the found statements that are kept; whole lines go with what fills them."""
    staying = set(kept)
    bodies_left = {one.body for one in kept}
    filled: set[int] = set()
    pieces, at = [], 0
    for one in sorted(found, key=lambda one: one.start):
        if one in staying or one.start < at:
            continue
        start, end = one.start, one.end
        if one.filler and one.body not in bodies_left and one.body not in filled:
            filled.add(one.body)
            pieces += [text[at:start], one.filler]
            at = end
            continue
        start, end = _whole_lines(text, start, end)
        pieces.append(text[at : max(start, at)])
        at = end
    pieces.append(text[at:])
    return "".join(pieces)


def _whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end + 1
    if not text[line_start:start].strip() and not text[end:line_end].strip().strip(";"):
        return line_start, line_end
    # Of several statements on a line, the mark between them goes as well.
    return start, end + len(text[end:line_end]) - len(text[end:line_end].lstrip(" \t;"))


def python_levels(text: str) -> list[list[Statement]]:
    """Return a Python script's statements by nesting; none where it does not parse."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    lines = text.split("\n")

    def at(line: int, column: int) -> int:
        # ast counts columns in bytes of UTF-8.
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode(errors="ignore"))

    levels: list[list[Statement]] = []
    bodies: list[list[ast.stmt]] = [tree.body]
    number = 0
    while bodies and len(levels) < MOST_LEVELS:
        level: list[Statement] = []
        deeper: list[list[ast.stmt]] = []
        for body in bodies:
            number += 1
            for node in body:
                decorators = getattr(node, "decorator_list", [])
                first = decorators[0] if decorators else node
                # A decorator's own place is after its @.
                begin = at(first.lineno, first.col_offset) - bool(decorators)
                end = at(node.end_lineno or node.lineno, node.end_col_offset or 0)
                level.append(Statement(begin, end, number, "" if body is tree.body else "pass"))
                deeper += _inner_bodies(node)
        levels.append(level)
        bodies = deeper
    return [level for level in levels if level]


def _inner_bodies(node: ast.stmt) -> list[list[ast.stmt]]:
    found = [getattr(node, name) for name in ("body", "orelse", "finalbody") if getattr(node, name, None)]
    found += [handler.body for handler in getattr(node, "handlers", [])]
    found += [case.body for case in getattr(node, "cases", [])]
    return found


def node_levels(text: str) -> list[list[Statement]]:
    """Return a JavaScript or TypeScript script's statements by nesting."""
    levels: list[list[Statement]] = []
    root = syntax(text, ".ts" if _is_typescript(text) else ".js")
    bodies: list[SgNode] = [root]
    number = 0
    while bodies and len(levels) < MOST_LEVELS:
        level, deeper = [], []
        for body in bodies:
            number += 1
            for node in statements(body):
                start, end = span(node)
                level.append(Statement(start, end, number))
                deeper += _inner_blocks(node)
        levels.append(level)
        bodies = deeper
    return [level for level in levels if level]


def _is_typescript(text: str) -> bool:
    return any(node.kind() == "ERROR" for node in syntax(text).children())


def _inner_blocks(node: SgNode) -> list[SgNode]:
    found, pending = [], list(node.children())
    while pending:
        one = pending.pop(0)
        if one.kind() == "statement_block":
            found.append(one)
        else:
            pending += one.children()
    return found
