"""Rewrite one file's names: first the manifest's rules, then re-basing; all else stays byte for byte."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.rewriting.languages import Language, Surroundings, language_for
from repo_agent_dagster.migration.rewriting.moving_unit import MovingUnit
from repo_agent_dagster.migration.rewriting.resolve import Relocation, Unresolvable
from repo_agent_dagster.migration.rewriting.rules import ImportRules
from repo_agent_dagster.migration.rewriting.specifiers import (
    Edit,
    Found,
    Place,
    SourceText,
    Specifier,
    read_source,
    splice,
)


@dataclass(frozen=True)
class Rewrite:
    """One specifier that changes: where it stands in the unit, what it was and becomes, and why.

    `rule` is the index of the manifest's imports rule, from 0; None means that the files moved.
    """

    file: str
    line: int
    column: int
    form: str
    old: str
    new: str
    rule: int | None


@dataclass(frozen=True)
class Unresolved:
    """One place that names a module, or may, and that was left as it is: where, what, and why."""

    file: str
    line: int
    column: int
    form: str
    specifier: str
    reason: str


@dataclass(frozen=True)
class Rewritten:
    """A file's content after the migration, and what was done to it; `rules_hit` are indices of imports rules."""

    content: bytes
    rewrites: tuple[Rewrite, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    rules_hit: frozenset[int] = frozenset()


class Rewriter:
    """Rewrites the files of one unit; what depends on the unit as a whole is worked out once.

    `contents` are the unit's files by path. They are needed for go.mod and tsconfig files that others depend on;
    without them what depends on those is not re-based.
    """

    def __init__(
        self, relocation: Relocation, rules: Sequence[ImportRule], contents: Mapping[str, bytes] | None = None
    ) -> None:
        self._around = Surroundings(MovingUnit(relocation, contents or {}), ImportRules(rules))

    def rewrite(self, path: str, content: bytes, found: Found | None = None) -> Rewritten:
        """Return the content of a file that moves, with its names rewritten; `path` is its path in the unit.

        `found` are the names in it, where a reader of many files has found them already; spans are in characters of
        the text without its byte order mark.
        """
        language = language_for(path)
        if language is None:
            return Rewritten(content)
        source = read_source(content)
        if source is None:
            unread = Unresolved(path, 1, 1, "syntax", path, "not text (NUL bytes or UTF-16); copied as it is")
            return Rewritten(content, unresolved=(unread,))
        found = language.find(path, source.text) if found is None else found
        return _File(path, content, source, language, self._around).rewrite(found)


class _File:
    def __init__(self, path: str, content: bytes, source: SourceText, language: Language, around: Surroundings) -> None:
        self._path, self._content, self._source = path, content, source
        self._language, self._around = language, around
        self._edits: list[Edit] = []
        self._rewrites: list[Rewrite] = []
        self._unresolved: list[Unresolved] = []
        self._hit: set[int] = set()

    def rewrite(self, found: Found) -> Rewritten:
        for unsure in found.unsure:
            self._list(unsure.place, unsure.form, unsure.text, unsure.reason)
        for specifier in found.specifiers:
            self._decide(specifier)
        return Rewritten(
            splice(self._source, self._edits) if self._edits else self._content,
            tuple(self._rewrites),
            tuple(sorted(self._unresolved, key=lambda unresolved: (unresolved.line, unresolved.column))),
            frozenset(self._hit),
        )

    def _decide(self, specifier: Specifier) -> None:
        ruled = self._language.by_rule(specifier, self._around)
        if ruled is not None:
            self._hit.add(ruled.rule)
            self._change(specifier, ruled.text, ruled.rule)
            return
        outcome = self._language.rebase(specifier, self._path, self._around)
        if isinstance(outcome, Unresolvable):
            self._list(specifier.place, specifier.form, specifier.text, outcome.reason)
        else:
            self._change(specifier, outcome, None)

    def _change(self, specifier: Specifier, new: str, rule: int | None) -> None:
        if new == specifier.text:
            return
        edit = self._language.edit(specifier, new, self._path, rule, self._around)
        if isinstance(edit, Unresolvable):
            self._list(specifier.place, specifier.form, specifier.text, edit.reason)
            return
        try:
            self._source.encode(edit.text)
        except UnicodeEncodeError:
            reason = f"{new!r} cannot be written: the file is not UTF-8; save it as UTF-8"
            self._list(specifier.place, specifier.form, specifier.text, reason)
            return
        self._edits.append(edit)
        place = specifier.place
        self._rewrites.append(Rewrite(self._path, place.line, place.column, specifier.form, specifier.text, new, rule))

    def _list(self, place: Place, form: str, text: str, reason: str) -> None:
        self._unresolved.append(Unresolved(self._path, place.line, place.column, form, text, reason))
