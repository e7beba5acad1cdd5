"""Regular expressions of rules as ast-grep gets them: with ASCII classes, which it makes ready twice as fast.

It makes them ready anew for every file, and the Unicode tables behind ``\\w`` are most of that work. So in a rule
``\\w``, ``\\d``, ``\\s`` and ``\\b`` go by ASCII: names with other letters are seen up to the first of these.
"""

from collections.abc import Mapping
from typing import Any

_IN_CLASS = {"w": "0-9A-Za-z_", "d": "0-9", "s": r" \t\n\r\f\v"}
_OUTSIDE = {**{letter: f"[{inside}]" for letter, inside in _IN_CLASS.items()}, "b": r"(?-u:\b)"}


def with_ascii_classes(rule: Any) -> Any:
    """Return a rule, or any part of one, with each `regex` in it going by ASCII."""
    if isinstance(rule, Mapping):
        return {
            key: ascii_regex(value) if key == "regex" and isinstance(value, str) else with_ascii_classes(value)
            for key, value in rule.items()
        }
    return [with_ascii_classes(part) for part in rule] if isinstance(rule, list) else rule


def ascii_regex(regex: str) -> str:
    """Return a regular expression with its Unicode classes written out as ASCII ones."""
    out: list[str] = []
    depth = index = first = 0
    while index < len(regex):
        character = regex[index]
        if character == "\\" and index + 1 < len(regex):
            known = _IN_CLASS if depth else _OUTSIDE
            out.append(known.get(regex[index + 1], regex[index : index + 2]))
            index += 2
            continue
        if character == "[" and not depth:
            depth, first = 1, index + (2 if regex[index + 1 : index + 2] == "^" else 1)
        elif character == "[" and depth:
            return regex  # a class inside a class: left as it is
        elif character == "]" and index > first:
            depth = 0
        out.append(character)
        index += 1
    return "".join(out)
