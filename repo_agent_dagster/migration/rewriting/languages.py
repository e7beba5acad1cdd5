"""The one table of languages: which files are whose, who finds the names in them, and how each follows a move.

To add a language, add a row to `LANGUAGES`.
"""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from repo_agent_dagster.contracts.migration import ImportLanguage
from repo_agent_dagster.migration.rewriting import (
    config_files,
    go_imports,
    python_imports,
    resolve,
    resolve_python,
    typescript,
)
from repo_agent_dagster.migration.rewriting.config_entries import kind_of
from repo_agent_dagster.migration.rewriting.moving_unit import MovingUnit
from repo_agent_dagster.migration.rewriting.python_modules import PythonModules
from repo_agent_dagster.migration.rewriting.resolve import Unresolvable
from repo_agent_dagster.migration.rewriting.resolve_go import GoModules
from repo_agent_dagster.migration.rewriting.rules import ImportRules, Ruled
from repo_agent_dagster.migration.rewriting.specifiers import Edit, Found, Specifier


@dataclass(frozen=True)
class Surroundings:
    """What a name is understood by: the unit on its way, the import rules, and what follows from both."""

    unit: MovingUnit
    rules: ImportRules

    @cached_property
    def python(self) -> PythonModules:
        """The unit's Python modules."""
        return PythonModules(self.unit)

    @cached_property
    def go(self) -> GoModules:
        """The unit's Go modules."""
        return GoModules(self.unit, self._renamed_go)

    def _renamed_go(self, module: str) -> str:
        ruled = self.rules.apply(module, "go")
        return module if ruled is None else ruled.text


@dataclass(frozen=True)
class Language:
    """How the names in one kind of file are found and changed.

    Its files have one of `suffixes` (in small letters) or `names`; of these, `owns(path)` tells which are its own.
    `find(path, text)` finds the names. `by_rule(specifier, around)` is what the import rules make of one, or None.
    `rebase(specifier, path, around)` is what it must be once its file and what it means have moved.
    `edit(specifier, new, path, rule, around)` is the change of the text; `rule` is None where the files moved.
    """

    name: str
    suffixes: frozenset[str]
    find: Callable[[str, str], Found]
    by_rule: Callable[[Specifier, Surroundings], Ruled | None]
    rebase: Callable[[Specifier, str, Surroundings], str | Unresolvable]
    edit: Callable[[Specifier, str, str, int | None, Surroundings], Edit | Unresolvable]
    names: frozenset[str] = frozenset()
    owns: Callable[[str], bool] = lambda _: True


def language_for(path: str) -> Language | None:
    """Return the language of a file, by its name; None for files that hold no names we know how to find."""
    name = posixpath.basename(path)
    language = _BY_SUFFIX.get(posixpath.splitext(name)[1].lower()) or _BY_NAME.get(name)
    return language if language is not None and language.owns(path) else None


def _rules_of(language: ImportLanguage) -> Callable[[Specifier, Surroundings], Ruled | None]:
    return lambda specifier, around: around.rules.apply(specifier.text, language)


def _edit_typescript(
    specifier: Specifier, new: str, path: str, rule: int | None, around: Surroundings
) -> Edit | Unresolvable:
    if rule is not None and resolve.is_relative(new):
        home = around.unit.moved[path]
        if resolve.resolves(new, home, around.unit.relocation.after) is None:
            return Unresolvable(f"rule imports[{rule}] makes it {new!r}, which is no file at the destination")
    return Edit(specifier.start, specifier.end, new)


def _rebase_python(specifier: Specifier, path: str, around: Surroundings) -> str | Unresolvable:
    if specifier.form in python_imports.STRING_FORMS:
        return _listed_if_changed(specifier, path, around)
    if resolve_python.is_relative(specifier.text):
        return resolve_python.rebase(specifier, path, around.unit.relocation)
    return around.python.rebase(specifier, path)


def _listed_if_changed(specifier: Specifier, path: str, around: Surroundings) -> str | Unresolvable:
    """Return the name in a string as it is; dotted ones that no longer hold are found by the residual scan."""
    if specifier.form not in {"import_module", "__import__"} or not specifier.text.isidentifier():
        return specifier.text
    new = around.python.rebase(specifier, path)
    if isinstance(new, Unresolvable) or new == specifier.text:
        return new
    return Unresolvable(f"is {new!r} at the destination, but stands in a string; change it by hand or by a rule")


def _go_by_rule(specifier: Specifier, around: Surroundings) -> Ruled | None:
    if specifier.form not in go_imports.RULED_FORMS:
        return None
    return around.rules.apply(specifier.text, "go")


def _config_by_rule(specifier: Specifier, around: Surroundings) -> Ruled | None:
    return around.rules.apply(specifier.text, "ts") if config_files.obeys_rules(specifier) else None


def _edit_config(
    specifier: Specifier, new: str, path: str, rule: int | None, around: Surroundings
) -> Edit | Unresolvable:
    checked = _edit_typescript(specifier, new, path, rule, around)
    if isinstance(checked, Unresolvable):
        return checked
    written = config_files.write(specifier, new)
    return written if isinstance(written, Unresolvable) else Edit(specifier.start, specifier.end, written)


LANGUAGES = (
    Language(
        "configuration",
        frozenset({".json", ".jsonc", ".toml"}),
        config_files.find_specifiers,
        _config_by_rule,
        lambda specifier, path, around: config_files.rebase(specifier, path, around.unit),
        _edit_config,
        owns=lambda path: kind_of(path) is not None,
    ),
    Language(
        "TypeScript and JavaScript",
        typescript.SUFFIXES,
        typescript.find_specifiers,
        _rules_of("ts"),
        lambda specifier, path, around: resolve.rebase(specifier.text, path, around.unit.relocation, specifier.form),
        _edit_typescript,
    ),
    Language(
        "Python",
        python_imports.SUFFIXES,
        python_imports.find_specifiers,
        lambda specifier, around: python_imports.apply_rules(around.rules, specifier),
        _rebase_python,
        lambda specifier, new, _path, _rule, _around: python_imports.edit(specifier, new),
    ),
    Language(
        "Go",
        go_imports.SUFFIXES,
        go_imports.find_specifiers,
        _go_by_rule,
        lambda specifier, path, around: around.go.rebase(specifier, path),
        lambda specifier, new, _path, rule, _around: go_imports.edit(specifier, new, by_rule=rule is not None),
        names=go_imports.MODULE_FILES,
    ),
)
_BY_SUFFIX = {suffix: language for language in LANGUAGES for suffix in language.suffixes}
_BY_NAME = {name: language for language in LANGUAGES for name in language.names}
