"""The imports rules of a drafted manifest: what climbs out of the unit or is nobody's package, and what it is here."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.inventory.model import UnitInventory
from repo_agent_dagster.migration.inventory.package_names import npm_package
from repo_agent_dagster.migration.manifest.draft_modules import Candidate, candidates, candidates_by_names, is_certain
from repo_agent_dagster.migration.manifest.draft_names import names_taken
from repo_agent_dagster.migration.manifest.draft_target import TargetRoot
from repo_agent_dagster.migration.rewriting import resolve, typescript
from repo_agent_dagster.migration.rewriting.rules import ImportRules
from repo_agent_dagster.migration.rewriting.specifiers import read_source
from repo_agent_dagster.migration.units.contents import UnitContents

_UNSAYABLE = frozenset("'\"`\n\r\\")
_READ_LIMIT_BYTES = 1_000_000


@dataclass(frozen=True)
class Wanted:
    """A specifier that needs a rule: how it is written, what path it means outside of the unit, where it stands first.

    `names` are all the names that the unit's files take from it.
    """

    specifier: str
    path: str
    names: frozenset[str]
    place: str
    count: int


@dataclass(frozen=True)
class DraftedRule:
    """An imports rule, the specifiers that it is for, and the file that they mean at the target root."""

    rule: ImportRule
    covers: tuple[Wanted, ...]
    files: tuple[str, ...]


@dataclass(frozen=True)
class DraftedImports:
    """The rules that are certain, and the specifiers for which none is, with the modules that they may mean."""

    rules: tuple[DraftedRule, ...]
    open: tuple[tuple[Wanted, tuple[Candidate, ...]], ...]


def draft_imports(contents: UnitContents, inventory: UnitInventory, target: TargetRoot | None) -> DraftedImports:
    """Return the imports rules for a unit; without a target root nothing is certain."""
    specifiers = _Specifiers(contents, inventory)
    certain: list[tuple[Wanted, Candidate]] = []
    open_: list[tuple[Wanted, tuple[Candidate, ...]]] = []
    for wanted in specifiers.wanted():
        found = [] if target is None else candidates(wanted.path, wanted.names, target)
        sayable = not _UNSAYABLE & set(wanted.specifier + "".join(one.specifier for one in found))
        if sayable and is_certain(wanted.path, wanted.names, found) and wanted.specifier not in specifiers.local:
            certain.append((wanted, found[0]))
        else:
            guesses = found or ([] if target is None else candidates_by_names(wanted.names, target))
            open_.append((wanted, tuple(guesses)))
    return DraftedImports(tuple(_joined(certain, specifiers)), tuple(open_))


class _Specifiers:
    """All specifiers of the unit's TypeScript and JavaScript files, and which of them need a rule."""

    def __init__(self, contents: UnitContents, inventory: UnitInventory) -> None:
        undeclared = {one.name for one in inventory.packages if one.ecosystem == "npm" and one.status == "undeclared"}
        self.local: set[str] = set()
        """Specifiers, as written, that mean a file of the unit somewhere."""
        self.all: set[str] = set()
        self._places: dict[str, list[str]] = {}
        self._paths: dict[str, set[str]] = {}
        self._names: dict[str, set[str]] = {}
        for file in inventory.files:
            content = contents.by_path[file.path].content
            if posixpath.splitext(file.path)[1].lower() not in typescript.SUFFIXES or len(content) > _READ_LIMIT_BYTES:
                continue
            if (source := read_source(content)) is None:
                continue
            self.local |= {one.specifier for one in file.local_imports if one.target is not None}
            packages = {one.package for one in file.package_imports} & undeclared
            climbs = any(one.target is None for one in file.local_imports)
            self._read(file.path, source.text, packages, climbs=climbs)

    def _read(self, path: str, text: str, packages: set[str], *, climbs: bool) -> None:
        found = typescript.find_specifiers(path, text).specifiers
        self.all |= {one.text for one in found}
        taken = names_taken(path, text) if packages or climbs else {}
        for one in found:
            outside = _outside(one.text, path)
            if outside is None:
                package = npm_package(one.text)
                if package is None or package[1] not in packages or one.form == "declare-module":
                    continue
                outside = "/".join(part for part in one.text.split("/") if not part.startswith("@"))
            self._places.setdefault(one.text, []).append(f"{path}:{one.place.line}")
            self._paths.setdefault(one.text, set()).add(outside)
            self._names.setdefault(one.text, set()).update(taken.get(one.text, ()))

    def wanted(self) -> Iterator[Wanted]:
        """Yield each specifier that needs a rule, in the order of the alphabet."""
        for specifier in sorted(self._places):
            places, paths = self._places[specifier], self._paths[specifier]
            # The same words from files at different depths mean different places: the shortest is what all share.
            path = min(paths, key=lambda one: (one.count("/"), one))
            yield Wanted(specifier, path, frozenset(self._names[specifier]), places[0], len(places))


def _outside(specifier: str, importer: str) -> str | None:
    """Return the path outside of the unit that a relative specifier means, without its climbs; None inside."""
    if not resolve.is_relative(specifier):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(importer), specifier.partition("?")[0]))
    if not path.startswith(".."):
        return None
    rest = "/".join(part for part in path.split("/") if part != "..")
    return rest or None


def _joined(certain: list[tuple[Wanted, Candidate]], specifiers: _Specifiers) -> Iterator[DraftedRule]:
    """Yield exact rules, and one rule for a family of specifiers where nothing else in the unit would match it."""
    answers = {wanted.specifier: candidate.specifier for wanted, candidate in certain}
    families: dict[tuple[str, str, bool], list[tuple[Wanted, Candidate]]] = {}
    for wanted, candidate in certain:
        if candidate.prefix is not None and candidate.specifier == candidate.prefix + wanted.path.partition("/")[2]:
            relative = resolve.is_relative(wanted.specifier)
            head = (
                wanted.path.partition("/")[0] if relative else wanted.specifier[: -len(wanted.path.partition("/")[2])]
            )
            families.setdefault((head, candidate.prefix, relative), []).append((wanted, candidate))
    covered: set[str] = set()
    shared: list[DraftedRule] = []
    for (head, prefix, relative), members in sorted(families.items(), key=lambda item: item[0]):
        rule = _family_rule(head, prefix, relative=relative)
        if len(members) < 2 or not _says_the_same(rule, answers, specifiers):
            continue
        covered |= {wanted.specifier for wanted, _ in members}
        shared.append(_drafted(rule, members))
    for wanted, candidate in certain:
        if wanted.specifier not in covered:
            yield _drafted(
                ImportRule(exact=wanted.specifier, to=candidate.specifier, language="ts"), [(wanted, candidate)]
            )
    yield from shared


def _family_rule(head: str, prefix: str, *, relative: bool) -> ImportRule:
    if relative:
        return ImportRule(regex=rf"(?:\.\./)+{re.escape(head)}/(.+)", to=f"{prefix}\\1", language="ts")
    return ImportRule(prefix=head, to=prefix, language="ts")


def _says_the_same(rule: ImportRule, answers: Mapping[str, str], specifiers: _Specifiers) -> bool:
    """Return whether the rule gives every specifier of the unit that it matches the certain answer."""
    rules = ImportRules([rule])
    matched = {one: new.text for one in specifiers.all if (new := rules.apply(one, "ts")) is not None}
    return all(answers.get(one) == new for one, new in matched.items())


def _drafted(rule: ImportRule, members: list[tuple[Wanted, Candidate]]) -> DraftedRule:
    files = tuple(dict.fromkeys(candidate.file for _, candidate in members))
    return DraftedRule(rule, tuple(wanted for wanted, _ in members), files)
