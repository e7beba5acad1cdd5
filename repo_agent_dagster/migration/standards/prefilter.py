"""What a file's bytes must hold for a rule to match: a look at them is much cheaper than a syntax tree."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from repo_agent_dagster.migration.standards.needs import ANYTHING, Need, either, every, of_regex

_METAVARIABLE = re.compile(r"\$\$?\$?[A-Z_][A-Z0-9_]*|\$\$\$")
_NAMED = re.compile(r"\$([A-Z_][A-Z0-9_]*)")
_TOKEN = re.compile(r"\w{2,}", re.ASCII)
_KEYWORDS = {
    "import_statement": b"import",
    "import_specifier": b"import",
    "export_statement": b"export",
    "export_specifier": b"export",
    "class_declaration": b"class",
    "extends_clause": b"extends",
    "interface_declaration": b"interface",
    "type_alias_declaration": b"type",
    "enum_declaration": b"enum",
    "switch_statement": b"switch",
    "switch_case": b"case",
    "new_expression": b"new",
}
"""Words that a node of the kind always holds, in every grammar that has the kind."""


def needs_of(rule: Mapping[str, Any], utils: Mapping[str, Any], constraints: Mapping[str, Any]) -> Need:
    """Return what must stand in a file for the rule to match in it."""
    certain = _certain_variables(rule, utils)
    held = [_of_rule(constraint, utils, 0) for name, constraint in constraints.items() if name in certain]
    return every([_of_rule(rule, utils, 0), *held])


def _of_rule(rule: Any, utils: Mapping[str, Any], depth: int) -> Need:
    if not isinstance(rule, Mapping) or depth > 20:
        return ANYTHING
    return every(_of_part(key, value, utils, depth) for key, value in rule.items())


def _of_part(key: str, value: Any, utils: Mapping[str, Any], depth: int) -> Need:
    match key:
        case "pattern" if isinstance(value, str):
            return Need(texts=_tokens(value))
        case "kind" if value in _KEYWORDS:
            return Need(texts=(_KEYWORDS[value],))
        case "regex" if isinstance(value, str):
            return of_regex(value)
        case "has" | "inside" | "follows" | "precedes":
            return _of_rule({key: value[key] for key in value if key not in {"stopBy", "field"}}, utils, depth + 1)
        case "all" if isinstance(value, Sequence):
            return every(_of_rule(part, utils, depth + 1) for part in value)
        case "any" if isinstance(value, Sequence):
            return either(_of_rule(part, utils, depth + 1) for part in value)
        case "matches":
            return _of_rule(utils.get(value), utils, depth + 1)
    return ANYTHING


def _tokens(pattern: str) -> tuple[bytes, ...]:
    """Return the words of a pattern that stand in every match of it as they are."""
    words = dict.fromkeys(_TOKEN.findall(_METAVARIABLE.sub(" ", pattern)))
    return tuple(word.encode() for word in words)


def _certain_variables(rule: Any, utils: Mapping[str, Any], depth: int = 0) -> frozenset[str]:
    """Return the metavariables that every match of the rule binds: those outside of `any` and `not`."""
    if not isinstance(rule, Mapping) or depth > 20:
        return frozenset()
    found: set[str] = set()
    for key, value in rule.items():
        if key == "pattern" and isinstance(value, str):
            found |= set(_NAMED.findall(value))
        elif key in {"has", "inside", "follows", "precedes"}:
            found |= _certain_variables(value, utils, depth + 1)
        elif key == "all" and isinstance(value, Sequence):
            found = found.union(*(_certain_variables(part, utils, depth + 1) for part in value))
        elif key == "matches":
            found |= _certain_variables(utils.get(value), utils, depth + 1)
    return frozenset(found)
