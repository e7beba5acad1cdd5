"""Comments that let a place break a rule, with a reason: `// standards-ignore: rest-paths the vendor calls it`.

In lines of its own it covers the next line that is no such comment, behind code its own line, and
`standards-ignore-file:` the whole file.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from repo_agent_dagster.migration.rewriting.specifiers import Place
from repo_agent_dagster.migration.standards.matching import SourceFile

IGNORE_RULE = "standards-ignore"
MARK = b"standards-ignore"

_COMMENT = re.compile(
    r"(?://+|/\*+|#+|<!--+|--+|;+|\*)[ \t]*standards-ignore(?P<file>-file)?(?![\w-])"
    r"(?P<said>[^\r\n]*?)(?=[ \t]*(?:\*+/|--+>)|[ \t]*\r?$)",
    re.MULTILINE,
)
_SAID = re.compile(r":[ \t]*(?P<rules>[a-z0-9-]+(?:[ \t]*,[ \t]*[a-z0-9-]+)*)(?:[ \t:–—-]+(?P<reason>\S.*))?")
_ALONE = re.compile(r"[\s{}]*")
_COMMENT_KINDS = ("comment", "line_comment", "block_comment")
_HOW = "write `standards-ignore: rule-id reason`"


@dataclass(frozen=True)
class Suppression:
    """One comment: the rules that it lets be broken, in which line (None: in all), where it stands, and why."""

    rules: frozenset[str]
    line: int | None
    place: Place
    reason: str


@dataclass(frozen=True)
class BadSuppression:
    """A comment that was meant to suppress and does not, and what to write."""

    place: Place
    message: str


def suppressions_of(file: SourceFile) -> tuple[list[Suppression], list[BadSuppression]]:
    """Return the suppressing comments of a file; in code only true comments count, not strings that look like one."""
    good: list[Suppression] = []
    bad: list[BadSuppression] = []
    if MARK not in file.content or file.source is None:
        return good, bad
    lines = file.text.split("\n")
    found = [(file.place(comment.start()), file.place(last).line, comment) for comment, last in _comments(file)]
    alone = {place.line for place, _, comment in found if _is_alone(lines[place.line - 1], comment)}
    own_lines = {line for place, last, _ in found if place.line in alone for line in range(place.line, last + 1)}
    for place, last, comment in found:
        said = _SAID.fullmatch(comment["said"].strip())
        if said is None:
            bad.append(BadSuppression(place, f"this suppresses nothing; {_HOW}"))
            continue
        if not said["reason"]:
            bad.append(BadSuppression(place, f"the reason is missing, so this suppresses nothing; {_HOW}"))
            continue
        line: int | None = place.line
        if comment["file"]:
            line = None
        elif place.line in alone:
            line = next(number for number in range(last + 1, len(lines) + 2) if number not in own_lines)
        rules = frozenset(name.strip() for name in said["rules"].split(","))
        good.append(Suppression(rules, line, place, said["reason"].strip()))
    return good, bad


def covers(suppression: Suppression, rule: str, line: int) -> bool:
    """Return whether the comment lets the rule be broken in this line."""
    return rule in suppression.rules and suppression.line in {None, line}


def _is_alone(line: str, comment: re.Match[str]) -> bool:
    around = line.replace(comment.group(), "", 1).replace("*/", "").replace("-->", "")
    return _ALONE.fullmatch(around) is not None


def _comments(file: SourceFile) -> Iterator[tuple[re.Match[str], int]]:
    """Yield what looks like a suppression, with the last character of the comment that it stands in."""
    spans = _comment_spans(file)
    for found in _COMMENT.finditer(file.text):
        if spans is None:
            yield found, found.end() - 1
            continue
        around = next(((start, end) for start, end in spans if start <= found.start() < end), None)
        if around is not None:
            yield found, around[1] - 1


def _comment_spans(file: SourceFile) -> Collection[tuple[int, int]] | None:
    """Return the spans of the comments in code; None where no grammar reads the file, and the text must do."""
    if file.language is None or file.language in {"json", "bash"}:
        return None
    spans = []
    for kind in _COMMENT_KINDS:
        try:
            nodes = file.root.find_all(kind=kind)
        except RuntimeError:
            continue  # the grammar has no such kind
        spans += [(node.range().start.index, node.range().end.index) for node in nodes]
    return spans
