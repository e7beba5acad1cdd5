"""What a document does wrong by its model, in words: what is wrong, and what to write instead."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_ON_KEY = "[key]"


@dataclass(frozen=True)
class Wording:
    """What a model's errors cannot say themselves.

    `patterns` says what a text should have been instead of showing the regular expression that it does not match;
    `or_text` names the lists whose entries may be a text instead of a mapping.
    """

    patterns: Mapping[str, str] = field(default_factory=dict)
    or_text: frozenset[str] = frozenset()


NO_WORDING = Wording()


def is_about_key(detail: ErrorDetails) -> bool:
    """Return whether a mistake is in a key of the document, not in its value."""
    return detail["type"] == "extra_forbidden" or _ON_KEY in detail["loc"]


def in_words(model: type[BaseModel], detail: ErrorDetails, wording: Wording) -> str:
    """Return what is wrong with a field, and what to write instead."""
    location, given = detail["loc"], detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            known = _fields(model, location[:-1])
            return f"unknown field; {_suggestion(str(location[-1]), known) or 'known here: ' + ', '.join(known)}"
        case "missing":
            return "is missing; it must be given"
        case "string_type" if isinstance(given, bool) and _ON_KEY in location:
            return "YAML reads the names on, off, yes and no as true and false; put the name in quotes"
        case "string_type":
            quote = "" if given is None or isinstance(given, (dict, list)) else f"; put it in quotes: '{given}'"
            return f"must be text, not {kind_of(given)}{quote}"
        case "literal_error":
            allowed = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
            hint = _suggestion(str(given), allowed)
            return f"{given!r} is not one of {', '.join(allowed)}" + (f"; {hint}" if hint else "")
        case "tuple_type" | "list_type":
            return f"must be a list ('- …' lines or [ … ]), not {kind_of(given)}"
        case "model_type" | "dict_type":
            either = "text or " if len(location) > 1 and location[0] in wording.or_text else ""
            return f"must be {either}a mapping ('key: value' lines), not {kind_of(given)}"
        case "string_pattern_mismatch":
            pattern = str(detail.get("ctx", {}).get("pattern", ""))
            return f"{given!r} {wording.patterns.get(pattern, f'does not look like one: {pattern}')}"
        case "too_short" if not given:
            return "must not be empty"
    return detail["msg"].removeprefix("Value error, ")


def field_of(location: Sequence[int | str]) -> str:
    """Return a place in a document as people write it, e.g. ``files[0].from``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def kind_of(value: Any) -> str:
    """Return what a value is, in words."""
    if value is None:
        return "nothing"
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true/false", int: "a number", float: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")


def _suggestion(given: str, known: Sequence[str]) -> str:
    close = get_close_matches(given, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""


def _fields(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Return the fields that are known where the location points."""
    for part in location:
        for name, known in model.model_fields.items():
            if part == (known.alias or name) and (inner := _first_model(known.annotation)) is not None:
                model = inner
                break
    return [known.alias or name for name, known in model.model_fields.items()]


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _first_model(part)) is not None), None)
