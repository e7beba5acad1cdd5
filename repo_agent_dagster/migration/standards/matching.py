"""Find a file's matches of the rules: where each stands, what to say of it, and the edits that would fix it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.rewriting.specifiers import Edit, LineIndex, Place, SourceText, read_source
from repo_agent_dagster.migration.standards.bindings import (
    ImportStatement,
    NoImport,
    import_edits,
    imports_of,
    is_imported,
)
from repo_agent_dagster.migration.standards.languages import Language, language_of, parse, shortened, unread_parts
from repo_agent_dagster.migration.standards.rules import Rule, RuleError

if TYPE_CHECKING:
    import regex
    from ast_grep_py import SgNode

SCRIPTS: frozenset[Language] = frozenset({"ts", "tsx", "js"})
_VARIABLE = re.compile(r"\$\$\$([A-Z_][A-Z0-9_]*)|\$([A-Z_][A-Z0-9_]*)")
_SHOWN_CHARACTERS = 60
TEXT_LIMIT_SECONDS = 5.0
"""How long a text rule may search in one file; an honest one needs milliseconds."""


@dataclass(frozen=True)
class Match:
    """One place that a rule finds: the span in characters that it points at, its place, and what to say of it.

    `edits` fix it, all together or not at all; without them `why_not` tells why the rule's fix does not fit.
    """

    rule: Rule
    start: int
    end: int
    place: Place
    message: str
    edits: tuple[Edit, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class Gathered:
    """What a rule gathered from all files."""

    texts: frozenset[str] = frozenset()

    def may_be_in(self, content: bytes) -> bool:
        """Return whether one of the texts stands in the content."""
        return bool(self.texts) and self._pattern.search(content) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join(re.escape(text.encode()) for text in sorted(self.texts)))


NOTHING_GATHERED = Gathered()


@dataclass(frozen=True)
class SourceFile:
    """A file being checked; text and syntax tree are made when they are first asked for."""

    path: str
    content: bytes = field(repr=False)

    @cached_property
    def source(self) -> SourceText | None:
        """The text; None for binary files and UTF-16."""
        return read_source(self.content)

    @cached_property
    def text(self) -> str:
        """The text; "" where there is none."""
        return "" if self.source is None else self.source.text

    @cached_property
    def language(self) -> Language | None:
        """The language by the file's ending."""
        return language_of(self.path)

    @cached_property
    def root(self) -> "SgNode":
        """The root of the syntax tree.

        Raises:
            ValueError: no grammar reads the file.
        """
        if self.language is None:
            raise ValueError(f"{self.path} is of no language that a grammar reads")
        return parse(self.text, self.language)

    @cached_property
    def unread(self) -> tuple[tuple[int, int, str], ...]:
        """Line, column and text of what the grammar does not understand."""
        return () if self.language is None or self.source is None else tuple(unread_parts(self.root))

    @cached_property
    def imports(self) -> tuple[ImportStatement, ...]:
        """The import statements of a script."""
        return imports_of(self.root) if self.language in SCRIPTS else ()

    def place(self, index: int) -> Place:
        """Return the place of a character."""
        return self._lines.place(index)

    @cached_property
    def _lines(self) -> LineIndex:
        return LineIndex(self.text)


def find_matches(file: SourceFile, rules: Sequence[Rule], gathered: Mapping[str, Gathered]) -> list[Match]:
    """Return the matches of these rules, by place and rule; `gathered` holds by rule id what it gathered."""
    found: list[Match] = []
    if file.source is None:
        return found
    for rule in rules:
        if rule.pattern is not None:
            found += _text_matches(file, rule, rule.pattern)
        else:
            found += _code_matches(file, rule, gathered.get(rule.id, NOTHING_GATHERED))
    unique = {(match.start, match.end, match.rule.id): match for match in reversed(found)}
    return sorted(unique.values(), key=lambda match: (match.start, match.end, match.rule.id))


def gather_from(file: SourceFile, rule: Rule) -> set[str]:
    """Return the texts that a rule gathers from one file."""
    collect = rule.spec.collect
    if collect is None or file.source is None:
        return set()
    nodes = file.root.find_all(rule.collect_config)  # type: ignore[call-overload]
    captured = (node.get_match(collect.capture) for node in nodes)
    return {node.text() for node in captured if node is not None}


def _text_matches(file: SourceFile, rule: Rule, pattern: "regex.Pattern[str]") -> Iterator[Match]:
    try:
        yield from _within_time(file, rule, pattern)
    except TimeoutError as error:
        raise RuleError(
            f"rule {rule.id} ({rule.origin}): its text searched {file.path} for more than {TEXT_LIMIT_SECONDS:g} "
            "seconds; write it without repetitions inside repetitions such as (a+)+"
        ) from error


def _within_time(file: SourceFile, rule: Rule, pattern: "regex.Pattern[str]") -> Iterator[Match]:
    for found in pattern.finditer(file.text, timeout=TEXT_LIMIT_SECONDS):
        at = rule.spec.at or 0
        if found.start(at) < 0 or not found.group():
            continue
        values = {name: value or "" for name, value in found.groupdict().items()}
        start, end = found.span(at)
        edits: tuple[Edit, ...] = ()
        if rule.spec.fix is not None:
            edits = (Edit(start, end, _fill(rule.spec.fix.template, values)),)
        yield Match(rule, start, end, file.place(start), _message(rule, values), edits)


def _code_matches(file: SourceFile, rule: Rule, gathered: Gathered) -> Iterator[Match]:
    for node in file.root.find_all(rule.config):  # type: ignore[call-overload]
        if not _where_holds(file, rule, node, gathered):
            continue
        target = node if rule.spec.at is None else node.get_match(rule.spec.at)
        if target is None:
            continue
        span = target.range()
        start, end = span.start.index, span.end.index
        message = _message(rule, {name: _value(file, node, name) for name in _names(rule.spec.message)})
        fixed = _fix(file, rule, node, (start, end))
        edits, why_not = ((), fixed.reason) if isinstance(fixed, NoImport) else (fixed, "")
        yield Match(rule, start, end, Place(span.start.line + 1, span.start.column + 1), message, edits, why_not)


def _where_holds(file: SourceFile, rule: Rule, node: "SgNode", gathered: Gathered) -> bool:
    for name, where in rule.spec.where.items():
        found = node.get_match(name)
        if found is None:
            if where.collected is False and where.imported is None:
                continue
            return False
        if where.collected is not None and (found.text() in gathered.texts) is not where.collected:
            return False
        if where.imported is not None and not is_imported(found.text(), where, file.imports):
            return False
    return True


def _fix(file: SourceFile, rule: Rule, node: "SgNode", span: tuple[int, int]) -> tuple[Edit, ...] | NoImport:
    fix = rule.spec.fix
    if fix is None:
        return ()
    values = {name: _value(file, node, name) for name in _names(fix.template)}
    edits = [Edit(*span, _fill(fix.template, values))]
    for wanted in fix.imports:
        if file.language not in SCRIPTS:
            return NoImport("imports can be written in scripts only")
        written = import_edits(file.root, file.text, file.imports, wanted, span)
        if isinstance(written, NoImport):
            return written
        edits += written
    merged = _merged(edits)
    if any(one.end > two.start for one, two in pairwise(merged)):
        return NoImport("its own edits would overlap")
    return merged


def _merged(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Return the edits in order, with insertions at one place made one: two imports may follow the same line."""
    merged: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if merged and edit.start == edit.end == merged[-1].start == merged[-1].end:
            merged[-1] = Edit(edit.start, edit.end, merged[-1].text + edit.text)
        else:
            merged.append(edit)
    return tuple(merged)


def _value(file: SourceFile, node: "SgNode", name: str) -> str:
    """Return the source text that a metavariable stands for, from its first node to its last."""
    one = node.get_match(name)
    if one is not None:
        return one.text()
    several = node.get_multiple_matches(name)
    if not several:
        return ""
    return file.text[several[0].range().start.index : several[-1].range().end.index]


def _names(template: str) -> Iterator[str]:
    return (found[1] or found[2] for found in _VARIABLE.finditer(template))


def _fill(template: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[2], found[0]), template)


def _message(rule: Rule, values: Mapping[str, str]) -> str:
    shown = {name: shortened(value, _SHOWN_CHARACTERS) for name, value in values.items()}
    return " ".join(_fill(rule.spec.message, shown).split())
