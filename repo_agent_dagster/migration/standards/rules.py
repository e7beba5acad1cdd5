"""The rules in force: built-in ones and a team's own, parameters filled in, proved usable before a file is read."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from repo_agent_dagster.migration.documents.document import Location
from repo_agent_dagster.migration.manifest.globs import matches
from repo_agent_dagster.migration.standards.compiling import rule_problem
from repo_agent_dagster.migration.standards.contract import (
    SCRIPT,
    Level,
    RuleFile,
    RuleSettings,
    RuleSpec,
)
from repo_agent_dagster.migration.standards.faults import RuleError
from repo_agent_dagster.migration.standards.languages import Language, language_of
from repo_agent_dagster.migration.standards.needs import ANYTHING, Need, every, of_text
from repo_agent_dagster.migration.standards.prefilter import needs_of
from repo_agent_dagster.migration.standards.reading import RuleDocument, read_rule_file
from repo_agent_dagster.migration.standards.regexes import with_ascii_classes

if TYPE_CHECKING:
    import regex

__all__ = ["Rule", "RuleError", "built_in_files", "load_rules", "needs_context", "rule_schema", "select"]

BUILT_IN = "built-in"
_PARAMETER = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")


@dataclass(frozen=True)
class Rule:
    """A rule ready to check files: `spec` with its parameters filled in; `origin` is its file, or "built-in"."""

    spec: RuleSpec
    origin: str = BUILT_IN

    @property
    def id(self) -> str:
        """The name that people select and suppress it by."""
        return self.spec.id

    @property
    def level(self) -> Level:
        """How much a finding of it counts."""
        return self.spec.level

    @cached_property
    def config(self) -> dict[str, Any]:
        """The rule as ast-grep takes it."""
        config = {"rule": self.spec.rule, "constraints": self.spec.constraints, "utils": self.spec.utils}
        return {key: with_ascii_classes(value) for key, value in config.items() if value}

    @cached_property
    def pattern(self) -> "regex.Pattern[str] | None":
        """The regular expression of a text rule."""
        import regex  # Python's own cannot be told to give up

        return None if self.spec.text is None else regex.compile(self.spec.text, regex.MULTILINE)

    @cached_property
    def need(self) -> Need:
        """What a file's bytes must hold for the rule to match."""
        spec = self.spec
        need = ANYTHING if spec.rule is None else needs_of(spec.rule, spec.utils, spec.constraints)
        imported = [one.imported for one in spec.where.values() if one.imported not in {None, "default", "*"}]
        return every([need, *(of_text(name) for name in imported if name)])

    @cached_property
    def collect_config(self) -> dict[str, Any]:
        """What the rule gathers by, as ast-grep takes it."""
        collect = self.spec.collect
        config = {} if collect is None else {"rule": collect.rule, "constraints": collect.constraints}
        return {key: with_ascii_classes(value) for key, value in config.items() if value}

    @cached_property
    def collect_need(self) -> Need:
        """What a file's bytes must hold for the rule to gather from it."""
        collect = self.spec.collect
        return ANYTHING if collect is None else needs_of(collect.rule, {}, collect.constraints)

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages that a code rule reads."""
        return () if self.spec.rule is None else self.spec.languages or SCRIPT

    def looks_at(self, path: str) -> bool:
        """Return whether the rule is for the file at this path."""
        if self.spec.rule is not None and language_of(path) not in self.languages:
            return False
        return _among(path, self.spec.files, self.spec.not_files)

    def gathers_from(self, path: str) -> bool:
        """Return whether the rule gathers from the file at this path."""
        collect = self.spec.collect
        if collect is None or language_of(path) not in collect.languages:
            return False
        return _among(path, collect.files, collect.not_files)


def load_rules(extra: Sequence[Path] = ()) -> tuple[Rule, ...]:
    """Return the built-in rules by name, then those of the extra files in their order, with the files' settings.

    Raises:
        RuleError: a file breaks the schema, an ast-grep rule or regular expression cannot be used, two rules have one
            name, or settings name a rule or parameter that is not there.
    """
    documents = [*_shipped_documents(), *map(read_rule_file, extra)]
    shipped = len(documents) - len(extra)
    settings = _settings(documents)
    seen: dict[str, str] = {}
    rules = []
    for number, document in enumerate(documents):
        origin = BUILT_IN if number < shipped else str(document.path)
        for index, spec in enumerate(document.content.rules):
            if spec.id in seen:
                told = f"{spec.id!r} is a rule already ({seen[spec.id]}); choose another id, or change that rule's"
                raise document.error(("rules", index, "id"), f"{told} level, params or not_files under settings:")
            seen[spec.id] = origin
            given = settings.get(spec.id, ())
            if number < shipped and not given:
                rules.append(_as_shipped(number, index))
            else:
                rules.append(_ready(spec, origin, document, ("rules", index), given))
    for name, given in settings.items():
        if name not in seen:
            document, _ = given[0]
            raise document.error(("settings", name), f"there is no rule {name!r}{_hint(name, seen)}")
    return tuple(rules)


def select(rules: Sequence[Rule], only: Iterable[str] | None = None, ignore: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Return the rules of these names (None: all) without the ignored ones, in the order of `rules`.

    Raises:
        RuleError: there is no rule of a name.
    """
    known = [rule.id for rule in rules]
    wanted = set(known) if only is None else set(only)
    left_out = set(ignore)
    for name in sorted((wanted | left_out) - set(known)):
        raise RuleError(f"there is no rule {name!r}{_hint(name, known)}")
    return tuple(rule for rule in rules if rule.id in wanted - left_out)


def needs_context(rules: Iterable[Rule], path: str) -> bool:
    """Return whether a file that is not checked itself must be given to `check` as context for these rules."""
    return any(gathers_everywhere(rule) and rule.gathers_from(path) for rule in rules)


def gathers_everywhere(rule: Rule) -> bool:
    """Return whether the rule gathers also from files that are not checked themselves."""
    return rule.spec.collect is not None and rule.spec.collect.everywhere


def rule_schema() -> dict[str, Any]:
    """Return the JSON Schema of a rule file, for editors."""
    schema = RuleFile.model_json_schema(by_alias=True)
    one = RuleSpec.model_json_schema(by_alias=True)
    definitions = {**schema.pop("$defs", {}), **one.pop("$defs", {})}
    definitions |= {"RuleSpec": one, "RuleFile": schema}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule file",
        "anyOf": [{"$ref": "#/$defs/RuleSpec"}, {"$ref": "#/$defs/RuleFile"}],
        "$defs": dict(sorted(definitions.items())),
    }


def built_in_files() -> list[Path]:
    """Return the files of the built-in rules, by name."""
    return sorted((Path(__file__).parent / "rules").glob("*.yaml"))


@cache
def _shipped_documents() -> tuple[RuleDocument, ...]:
    return tuple(map(read_rule_file, built_in_files()))


@cache
def _as_shipped(number: int, index: int) -> Rule:
    """Return a built-in rule without settings; it is made ready once, since whole trees are checked again and again."""
    document = _shipped_documents()[number]
    return _ready(document.content.rules[index], BUILT_IN, document, ("rules", index), ())


_Settings = Mapping[str, Sequence[tuple[RuleDocument, RuleSettings]]]


def _settings(documents: Sequence[RuleDocument]) -> _Settings:
    found: dict[str, list[tuple[RuleDocument, RuleSettings]]] = {}
    for document in documents:
        for name, given in document.content.settings.items():
            found.setdefault(name, []).append((document, given))
    return found


def _ready(
    spec: RuleSpec,
    origin: str,
    document: RuleDocument,
    location: Location,
    settings: Sequence[tuple[RuleDocument, RuleSettings]],
) -> Rule:
    """Return the rule with its settings and parameters filled in, or say what makes it unusable, and where."""
    said = spec.model_dump(by_alias=True, exclude_unset=True)
    params = dict(spec.params)
    for theirs, given in settings:
        for name, value in given.params.items():
            if name not in params:
                told = f"rule {spec.id} has no parameter {name!r}{_hint(name, params)}"
                raise theirs.error(("settings", spec.id, "params", name), told)
            params[name] = value
        if given.level is not None:
            said["level"] = given.level
        said["not_files"] = (*said.get("not_files", ()), *given.not_files)
    used = set(_PARAMETER.findall(json.dumps({key: value for key, value in said.items() if key != "params"})))
    for name in sorted(used ^ params.keys()):
        told = f"{{{{{name}}}}} is no parameter" if name in used else f"parameter {name!r} is not used"
        raise document.error((*location, "params"), f"{told}{_hint(name, set(params) if name in used else used)}")
    try:
        filled = RuleSpec.model_validate(_filled(said, params))
    except ValidationError as error:
        first = error.errors()[0]
        place, why = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        told = f"with its parameters, {place} of {spec.id} is wrong: {why}"
        blamed, at = (settings[-1][0], ("settings", spec.id)) if settings else (document, (*location, "params"))
        raise blamed.error(at, told) from error
    if (problem := rule_problem(filled)) is not None:
        raise document.error((*location, *problem.location), problem.message)
    return Rule(filled, origin)


def _filled(value: Any, params: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PARAMETER.sub(lambda found: params.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {key: value[key] if key == "params" else _filled(value[key], params) for key in value}
    if isinstance(value, (list, tuple)):
        return [_filled(item, params) for item in value]
    return value


def _among(path: str, globs: Iterable[str], not_globs: Iterable[str]) -> bool:
    return any(matches(glob, path) for glob in globs) and not any(matches(glob, path) for glob in not_globs)


def _hint(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(names)}" if names else ""
