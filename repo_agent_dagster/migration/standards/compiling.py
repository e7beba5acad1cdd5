"""Whether a rule can be used at all: its patterns are code, its kinds exist, its metavariables are its own."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from repo_agent_dagster.migration.standards.contract import SCRIPT, RuleSpec
from repo_agent_dagster.migration.standards.languages import Language, grammar_of, parse, unread_parts

_NAMED = re.compile(r"\$\$?\$?([A-Z_][A-Z0-9_]*)")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a rule, and in which of its fields."""

    location: tuple[int | str, ...]
    message: str


def rule_problem(spec: RuleSpec) -> Problem | None:
    """Return the first thing that makes the rule unusable, or None."""
    return next(_problems(spec), None)


def _problems(spec: RuleSpec) -> Iterator[Problem]:
    if spec.rule is not None:
        languages = spec.languages or SCRIPT
        yield from _code_problems(spec.rule, spec.constraints, spec.utils, languages, ())
    if spec.collect is not None:
        collect = spec.collect
        yield from _code_problems(collect.rule, collect.constraints, {}, collect.languages, ("collect",))
        own = _variables_of(collect.rule, collect.constraints)
        if collect.capture not in own:
            yield Problem(("collect", "capture"), _unknown(collect.capture, own))
    known = _variables(spec)
    for field, used in _uses(spec):
        for name in used:
            if name not in known:
                yield Problem(field, _unknown(name, known))


def _code_problems(
    rule: Mapping[str, Any],
    constraints: Mapping[str, Any],
    utils: Mapping[str, Any],
    languages: Iterable[Language],
    location: tuple[str, ...],
) -> Iterator[Problem]:
    config = {"rule": rule, "constraints": constraints, "utils": utils}
    for language in languages:
        root = parse("", language)
        try:
            root.find_all({key: value for key, value in config.items() if value})  # type: ignore[call-overload]
        except Exception as error:  # noqa: BLE001  ast-grep raises plain Exception and RuntimeError for a wrong rule
            told = _ast_grep_message(str(error))
            advice = f"; leave {language} out of languages:, or write it for each" if "kind" in told.lower() else ""
            part = next((key for key in config if f"`{key}`" in str(error)), "rule")
            yield Problem((*location, part), f"for {language} files: {told}{advice}")
            return
        if language not in SCRIPT:
            continue  # elsewhere $NAME is no identifier, so the pattern alone is no code that could be judged
        for pattern in _patterns([rule, constraints, utils]):
            if next(unread_parts(parse(pattern, language)), None) is not None:
                yield Problem(
                    (*location, "rule"),
                    f"pattern {pattern!r} is no whole {grammar_of(language)} code; "
                    "write {context: <code around it>, selector: <kind>}",
                )
                return


def _ast_grep_message(error: str) -> str:
    """Return the innermost cause out of ast-grep's account of it."""
    told = error.partition("Stack backtrace")[0]
    causes = re.findall(r"^\s+\d+: (.+)$", told, re.MULTILINE)
    of_regex = re.search(r"^\s+error: (.+)$", told, re.MULTILINE)
    if of_regex is not None:
        return f"a regex that cannot be used: {of_regex[1]}"
    return (causes[-1] if causes else error.partition("\n")[0]).rstrip(".")


def _patterns(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inside in value.items():
            if key == "pattern" and isinstance(inside, str):
                yield inside
            else:
                yield from _patterns(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _patterns(inside)


def _variables(spec: RuleSpec) -> set[str]:
    if spec.text is not None:
        return set(re.compile(spec.text, re.MULTILINE).groupindex)
    return _variables_of(spec.rule, spec.constraints, spec.utils)


def _variables_of(*parts: Any) -> set[str]:
    return {name for part in parts for pattern in _strings(part) for name in _NAMED.findall(pattern)}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inside in value.values():
            yield from _strings(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _strings(inside)


def _uses(spec: RuleSpec) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    yield ("message",), _NAMED.findall(spec.message)
    yield ("constraints",), list(spec.constraints)
    yield ("where",), list(spec.where)
    if spec.at is not None:
        yield ("at",), [spec.at]
    if spec.fix is not None:
        yield ("fix", "template"), _NAMED.findall(spec.fix.template)


def _unknown(name: str, known: Iterable[str]) -> str:
    names = ", ".join(f"${one}" for one in sorted(known))
    return f"${name} is matched by nothing in the rule; " + (f"it has {names}" if names else "it has no metavariables")
