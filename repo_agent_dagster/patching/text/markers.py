"""Marker regions: the lines between ``###FINAL_MILE_PROMPT__NAME###`` and ``###END_NAME###``, in any comment syntax.

A marker is any line that holds the opening or the closing text; a region is what lies between the two lines. Regions
may lie in each other, but not across each other. What the markers look like is a setting (`MarkerPattern`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from repo_agent_dagster.patching.model import MarkerPattern, PatchConflict

_NAME = rb"[A-Za-z0-9][A-Za-z0-9_.-]*?"


@dataclass(frozen=True, slots=True)
class MarkerRegion:
    """A marker's region: its two marker lines (1-based). The lines between them are the region."""

    name: str
    opening_line: int
    closing_line: int


@dataclass(frozen=True, slots=True)
class MarkerProblem:
    """What is wrong with a marker, and on which line (1-based)."""

    name: str
    line: int
    problem: str


def scan(lines: Sequence[bytes], pattern: MarkerPattern) -> tuple[list[MarkerRegion], list[MarkerProblem]]:
    """Return a file's regions in the order of their opening lines, and what is wrong with its markers."""
    opening, closing = _compiled(pattern.opening), _compiled(pattern.closing)
    regions: list[MarkerRegion] = []
    problems: list[MarkerProblem] = []
    first_of: dict[str, int] = {}
    stack: list[tuple[str, int]] = []
    for number, line in enumerate(lines, start=1):
        for name in _names(opening, line):
            if name in first_of:
                problems.append(
                    MarkerProblem(name, number, f"opens a second time; the first is on line {first_of[name]}")
                )
                continue
            first_of[name] = number
            stack.append((name, number))
        for name in _names(closing, line):
            if not any(name == opened for opened, _ in stack):
                problems.append(MarkerProblem(name, number, "is closed, but not open"))
                continue
            while stack[-1][0] != name:
                inner, begin = stack.pop()
                problems.append(MarkerProblem(inner, begin, f"is not closed before {name} is, on line {number}"))
            _, begin = stack.pop()
            if begin == number:
                problems.append(MarkerProblem(name, number, "opens and closes on one line; give each marker its own"))
            else:
                regions.append(MarkerRegion(name, begin, number))
    problems += [MarkerProblem(name, begin, "is never closed") for name, begin in stack]
    return sorted(regions, key=lambda one: one.opening_line), sorted(problems, key=lambda one: one.line)


def find(path: str, lines: Sequence[bytes], name: str, pattern: MarkerPattern) -> MarkerRegion:
    """Return the region of that name.

    Raises:
        PatchConflict: the file has no such marker, or it is doubled, not closed or crosses another one.
    """
    regions, problems = scan(lines, pattern)
    for problem in problems:
        if problem.name == name:
            raise PatchConflict(f"{path}:{problem.line}: marker {name} {problem.problem}")
    for region in regions:
        if region.name == name:
            return region
    known = ", ".join(region.name for region in regions[:10]) or "none"
    raise PatchConflict(
        f"{path} has no marker {name} (a line with {pattern.opening.replace('{name}', name)}); its markers: {known}"
    )


def _names(form: re.Pattern[bytes], line: bytes) -> list[str]:
    return [found.decode() for found in form.findall(line)]


@lru_cache(maxsize=16)
def _compiled(form: str) -> re.Pattern[bytes]:
    before, after = form.encode().split(b"{name}")
    # A name at the very end of the form has nothing behind it to stop at: there it goes as far as names go.
    return re.compile(
        re.escape(before) + b"(" + (_NAME if after else _NAME.removesuffix(b"?")) + b")" + re.escape(after)
    )
