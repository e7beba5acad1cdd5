"""The manifest's text replacements: regular expressions over whole files, for what no import rule reaches.

They are matched by the `regex` package, which can be told to give up: an expression that would take years on some text
is an error after `limit_seconds`, and not a migration that hangs.
"""

import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.migration import ReplaceRule
from repo_agent_dagster.migration.faults import ManifestError
from repo_agent_dagster.migration.manifest.globs import matches
from repo_agent_dagster.migration.rewriting.file import Unresolved
from repo_agent_dagster.migration.rewriting.specifiers import Edit, SourceText, read_source, splice

if TYPE_CHECKING:
    import regex

LIMIT_SECONDS = 10.0
"""How long one rule may search in all files together; an honest one needs milliseconds."""
_LEAST_SECONDS = 0.001
_SHOWN = 200


@dataclass(frozen=True)
class Replacement:
    """One place that a rule matched: where, in the text that the rule was given, what was there and what is now.

    `rule` is the index of the manifest's replace rule, from 0. Texts longer than 200 characters are cut.
    """

    file: str
    line: int
    column: int
    old: str
    new: str
    rule: int


@dataclass(frozen=True)
class Replaced:
    """A file's content with the replacements made, and each of them; `unresolved` says why a file was not searched."""

    content: bytes
    replacements: tuple[Replacement, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()


class Replacements:
    """The replace rules of one migration. Make one for each run: it adds up the time that each rule takes.

    `source` is the manifest's: globs are relative to it. `clock` counts seconds.
    """

    def __init__(
        self,
        rules: Sequence[ReplaceRule],
        *,
        source: str = ".",
        limit_seconds: float = LIMIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._prefix = "" if source == "." else f"{source}/"
        self._limit_seconds, self._clock = limit_seconds, clock
        self._spent = [0.0] * len(rules)
        self._patterns: dict[int, regex.Pattern[str]] = {}

    def apply(self, path: str, content: bytes) -> Replaced:
        """Return the file with every rule that is for it applied, in order; `path` is its path in the unit.

        Encoding, byte order mark and line ends stay: a rule sees and writes lines that end with a line feed.

        Raises:
            ManifestError: a rule's expression takes too long.
        """
        wanted = [index for index, rule in enumerate(self._rules) if self._is_for(rule, path)]
        if not wanted:
            return Replaced(content)
        if read_source(content) is None:
            reason = "not text (NUL bytes or UTF-16), so no replace rule was applied; leave it out of the rule's files"
            return Replaced(content, unresolved=(Unresolved(path, 1, 1, "replace", path, reason),))
        made: list[Replacement] = []
        unresolved: list[Unresolved] = []
        for index in wanted:
            content = self._apply(index, path, content, made, unresolved)
        return Replaced(content, tuple(made), tuple(unresolved))

    def dead_rules(self, made: Iterable[Replacement]) -> tuple[str, ...]:
        """Return the rules that matched nowhere, told as the plan tells its dead rules."""
        hit = {replacement.rule for replacement in made}
        return tuple(
            f"replace[{index}]: {rule.regex!r} matches nowhere in {rule.files!r}"
            for index, rule in enumerate(self._rules)
            if index not in hit
        )

    def _is_for(self, rule: ReplaceRule, path: str) -> bool:
        return path.startswith(self._prefix) and matches(rule.files, path[len(self._prefix) :])

    def _apply(
        self, index: int, path: str, content: bytes, made: list[Replacement], unresolved: list[Unresolved]
    ) -> bytes:
        source = read_source(content)
        if source is None:  # an earlier rule wrote a NUL
            return content
        lines = _Lines(source.text)
        edits: list[Edit] = []
        for match in self._matches(index, path, lines.text):
            old, new = match.group(), match.expand(self._rules[index].to)
            line, column = lines.place(match.start())
            if old != new:
                if not _can_say(source, new):
                    reason = f"{new[:_SHOWN]!r} cannot be written: the file is not UTF-8; save it as UTF-8"
                    unresolved.append(Unresolved(path, line, column, "replace", old[:_SHOWN], reason))
                    continue
                edits.append(lines.edit(match.start(), match.end(), new))
            made.append(Replacement(path, line, column, old[:_SHOWN], new[:_SHOWN], index))
        return splice(source, edits) if edits else content

    def _matches(self, index: int, path: str, text: str) -> list["regex.Match[str]"]:
        started = self._clock()
        try:
            left = max(self._limit_seconds - self._spent[index], _LEAST_SECONDS)
            found = list(self._pattern(index).finditer(text, timeout=left))
        except TimeoutError as error:
            raise ManifestError(
                f"replace[{index}]: regex {self._rules[index].regex!r} took longer than {self._limit_seconds:g} "
                f"seconds, in {path} last; write it so that it cannot match in many ways (no (a+)+), or for fewer files"
            ) from error
        self._spent[index] += self._clock() - started
        return found

    def _pattern(self, index: int) -> "regex.Pattern[str]":
        if index not in self._patterns:
            import regex  # loaded late: few manifests replace text

            self._patterns[index] = regex.compile(self._rules[index].regex, regex.MULTILINE)
        return self._patterns[index]


class _Lines:
    """A text with its lines ended by line feeds, as `text`, and the way back to the text as it was."""

    def __init__(self, original: str) -> None:
        self._original = original
        self.text = original.replace("\r\n", "\n")

    def place(self, position: int) -> tuple[int, int]:
        """Return line and column of a character of `text`."""
        line = bisect_left(self._feeds, position)
        return line + 1, position - (self._feeds[line - 1] if line else -1)

    def edit(self, start: int, end: int, new: str) -> Edit:
        """Return an edit of `text` as one of the original; new lines end as most lines of the file do."""
        ending = "\r\n" if 2 * len(self._returns) > len(self._feeds) else "\n"
        return Edit(self._origin(start), self._origin(end), new.replace("\n", ending))

    def _origin(self, position: int) -> int:
        return position + bisect_left(self._returns, position)

    @cached_property
    def _feeds(self) -> list[int]:
        return [feed.start() for feed in re.finditer("\n", self.text)]

    @cached_property
    def _returns(self) -> list[int]:
        """The line feeds of `text` that had a carriage return before them."""
        return [at.start() - gone for gone, at in enumerate(re.finditer("\r\n", self._original))]


def _can_say(source: SourceText, text: str) -> bool:
    try:
        source.encode(text)
    except UnicodeEncodeError:
        return False
    return True
