"""Rewrite one file's module specifiers: first the manifest's rules, then re-basing; all else stays byte for byte."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from repo_agent_dagster.contracts.migration import ImportLanguage, ImportRule
from repo_agent_dagster.migration.rewriting import python_imports, resolve, resolve_python, typescript
from repo_agent_dagster.migration.rewriting.resolve import Relocation, Unresolvable
from repo_agent_dagster.migration.rewriting.specifiers import (
    Edit,
    Found,
    Place,
    SourceText,
    Specifier,
    read_source,
    splice,
)

_PYTHON_MODULE = re.compile(r"\.*[^\W\d]\w*(?:\.[^\W\d]\w*)*|\.+")


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


def language_of(path: str) -> ImportLanguage | None:
    """Return the language whose imports a file holds, by its ending; None for all other files."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in typescript.SUFFIXES:
        return "ts"
    return "py" if suffix in python_imports.SUFFIXES else None


def rewrite_file(path: str, content: bytes, relocation: Relocation, rules: Sequence[ImportRule]) -> Rewritten:
    """Return the content of a moved file with its specifiers rewritten; `path` is its path in the unit."""
    language = language_of(path)
    if language is None:
        return Rewritten(content)
    source = read_source(content)
    if source is None:
        unread = Unresolved(path, 1, 1, "syntax", path, "not text (NUL bytes or UTF-16); copied as it is")
        return Rewritten(content, unresolved=(unread,))
    finder = typescript if language == "ts" else python_imports
    return _File(path, source, language, relocation, rules).rewrite(finder.find_specifiers(path, source.text))


class _File:
    def __init__(
        self,
        path: str,
        source: SourceText,
        language: ImportLanguage,
        relocation: Relocation,
        rules: Sequence[ImportRule],
    ) -> None:
        self._path, self._source, self._language = path, source, language
        self._relocation, self._rules = relocation, rules
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
            splice(self._source, self._edits) if self._edits else self._source.encode(self._source.text),
            tuple(self._rewrites),
            tuple(sorted(self._unresolved, key=lambda unresolved: (unresolved.line, unresolved.column))),
            frozenset(self._hit),
        )

    def _decide(self, specifier: Specifier) -> None:
        for index, rule in enumerate(self._rules):
            if rule.language in {None, self._language}:
                new = apply_rule(rule, specifier.text)
                if new is not None:
                    self._hit.add(index)
                    self._by_rule(specifier, new, index)
                    return
        outcome = self._rebase(specifier)
        if isinstance(outcome, Unresolvable):
            self._list(specifier.place, specifier.form, specifier.text, outcome.reason)
        elif outcome != specifier.text:
            self._change(specifier, outcome, None)

    def _rebase(self, specifier: Specifier) -> str | Unresolvable:
        if self._language == "ts":
            if not resolve.is_relative(specifier.text):
                return specifier.text
            return resolve.rebase(specifier.text, self._path, self._relocation)
        if not resolve_python.is_relative(specifier.text):
            return specifier.text
        return resolve_python.rebase(specifier, self._path, self._relocation)

    def _by_rule(self, specifier: Specifier, new: str, index: int) -> None:
        if new == specifier.text:
            return
        if self._language == "py":
            new_statement = _python_statement(specifier, new)
            if isinstance(new_statement, Unresolvable):
                self._list(specifier.place, specifier.form, specifier.text, new_statement.reason)
                return
            new = new_statement
        elif resolve.is_relative(new):
            home = self._relocation.moved[self._path]
            if resolve.resolves(new, home, self._relocation.after) is None:
                reason = f"rule imports[{index}] makes it {new!r}, which is no file at the destination"
                self._list(specifier.place, specifier.form, specifier.text, reason)
                return
        self._change(specifier, new, index)

    def _change(self, specifier: Specifier, new: str, rule: int | None) -> None:
        try:
            self._source.encode(new)
        except UnicodeEncodeError:
            reason = f"{new!r} cannot be written: the file is not UTF-8; save it as UTF-8"
            self._list(specifier.place, specifier.form, specifier.text, reason)
            return
        place = specifier.place
        self._edits.append(Edit(specifier.start, specifier.end, new))
        self._rewrites.append(Rewrite(self._path, place.line, place.column, specifier.form, specifier.text, new, rule))

    def _list(self, place: Place, form: str, text: str, reason: str) -> None:
        self._unresolved.append(Unresolved(self._path, place.line, place.column, form, text, reason))


def apply_rule(rule: ImportRule, specifier: str) -> str | None:
    """Return what the rule makes of a specifier, or None where it does not match.

    A prefix that ends with a letter, digit or underscore matches whole segments: ``../utils`` is not in ``../utils-x``.
    """
    if rule.exact is not None:
        return rule.to if specifier == rule.exact else None
    if rule.prefix is not None:
        rest = specifier.removeprefix(rule.prefix)
        if len(rest) == len(specifier):
            return None
        whole = not (rule.prefix[-1].isalnum() or rule.prefix[-1] == "_") or rest[:1] in {"", "/", ".", ":", "?"}
        return rule.to + rest if whole else None
    match = re.fullmatch(rule.regex or "", specifier)
    return None if match is None else match.expand(rule.to)


def _python_statement(specifier: Specifier, new: str) -> str | Unresolvable:
    """Return the text for the module's place: ``import utils`` must go on binding ``utils``."""
    if _PYTHON_MODULE.fullmatch(new) is None:
        return Unresolvable(f"would become {new!r}, which is no module name")
    if specifier.form == "from":
        return new
    if new.startswith("."):
        return Unresolvable(f"would become {new!r}; only `from … import` can be relative")
    if specifier.binds is None:
        return new
    if "." in specifier.binds:
        return Unresolvable(f"`import {specifier.binds}` is used by its full name; change it and its uses by hand")
    return f"{new} as {specifier.binds}"
