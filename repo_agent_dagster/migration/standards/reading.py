"""Read a rule file; every error names file, line, column and field, and suggests a spelling."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from repo_agent_dagster.migration.standards.contract import RuleFile, RuleSpec
from repo_agent_dagster.migration.standards.faults import RuleError

RULE_FILE_LIMIT_BYTES = 1_000_000

Location = Sequence[int | str]
Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class RuleDocument:
    """A rule file that obeys the schema, and the places of its parts for errors that are found later."""

    path: Path
    content: RuleFile
    tree: yaml.Node
    is_single: bool

    def error(self, location: Location, message: str) -> RuleError:
        """Return an error that points at a part of the file, such as ``("rules", 0, "rule")``."""
        inside = location[2:] if self.is_single and location[:1] == ("rules",) else location
        field = _field(inside)
        return RuleError(
            f"{self.path}{_place(self.tree, inside, of_key=False)}: {field + ': ' if field else ''}{message}"
        )


def read_rule_file(path: Path) -> RuleDocument:
    """Return what a YAML rule file holds: one rule, or `rules` and `settings`.

    Raises:
        RuleError: the file cannot be read, is not YAML, or breaks the schema; one line for each mistake.
    """
    text = _read(path)
    try:
        tree = yaml.compose(text, Loader=Loader)
        _refuse_twins(path, tree)
        content = yaml.load(text, Loader=Loader)  # noqa: S506  a SafeLoader, in C where there is one
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _syntax_error(path, error) from error
    if tree is None or not isinstance(content, dict):
        raise RuleError(f"{path}:1:1: a rule file is a mapping with id: and the rest of a rule, or with rules:")
    is_single = not content.keys() & {"rules", "settings"}
    model: type[RuleSpec] | type[RuleFile] = RuleSpec if is_single else RuleFile
    try:
        said = model.model_validate(content)
    except ValidationError as error:
        # What is unknown comes first: a field that is missing is most often one that is misspelt.
        details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] != "extra_forbidden")
        lines = [_describe(path, tree, model, detail) for detail in details]
        raise RuleError("\n".join(lines)) from error
    return RuleDocument(path, said if isinstance(said, RuleFile) else RuleFile(rules=(said,)), tree, is_single)


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RuleError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > RULE_FILE_LIMIT_BYTES:
        raise RuleError(f"{path}: {len(raw)} bytes; a rule file has at most {RULE_FILE_LIMIT_BYTES}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RuleError(f"{path}:{line}: byte {error.start} is not UTF-8; save the rule file as UTF-8") from error


def _refuse_twins(path: Path, node: yaml.Node | None) -> None:
    """Refuse a key given twice in one mapping, where YAML would let the last one win."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twins(path, item)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        line, column = key.start_mark.line + 1, key.start_mark.column + 1
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                raise RuleError(
                    f"{path}:{line}:{column}: {key.value!r} is given twice; first in line {seen[key.value]}"
                )
            seen[key.value] = line
        _refuse_twins(path, value)


def _syntax_error(path: Path, error: Exception) -> RuleError:
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        hint = "; put text that holds ': ', '#', '{' or a leading '$', '*' or '@' in quotes"
        return RuleError(
            f"{path}:{mark.line + 1}:{mark.column + 1}: not valid YAML: {error.problem or error.context}{hint}"
        )
    return RuleError(f"{path}: not valid YAML: {' '.join(str(error).split())}")


def _describe(path: Path, tree: yaml.Node, model: type[BaseModel], detail: ErrorDetails) -> str:
    """Return one line: place, field, what is wrong, what to write instead."""
    location = tuple(part for part in detail["loc"] if part != "[key]")
    field = _field(location)
    place = _place(tree, location, of_key=detail["type"] == "extra_forbidden" or "[key]" in detail["loc"])
    return f"{path}{place}: {field + ': ' if field else ''}{_message(model, detail)}"


def _message(model: type[BaseModel], detail: ErrorDetails) -> str:
    location, given = detail["loc"], detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            known = _fields(model, location[:-1])
            return f"unknown field; {_suggestion(str(location[-1]), known) or 'known here: ' + ', '.join(known)}"
        case "missing":
            return "is missing; it must be given"
        case "string_type" if isinstance(given, bool) and "[key]" in location:
            return "YAML reads the names on, off, yes and no as true and false; put the name in quotes"
        case "string_type":
            quote = f"; put it in quotes: '{given}'" if isinstance(given, (int, float, bool)) else ""
            return f"must be text, not {_kind(given)}{quote}"
        case "literal_error":
            allowed = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
            hint = _suggestion(str(given), allowed)
            return f"{given!r} is not one of {', '.join(allowed)}" + (f"; {hint}" if hint else "")
        case "tuple_type" | "list_type":
            return f"must be a list ('- …' lines or [ … ]), not {_kind(given)}"
        case "model_type" | "dict_type":
            return f"must be a mapping ('key: value' lines), not {_kind(given)}"
        case "string_pattern_mismatch":
            return f"{given!r} does not look like one: {detail.get('ctx', {}).get('pattern', '')}"
        case "too_short":
            return "must not be empty"
    return detail["msg"].removeprefix("Value error, ")


def _suggestion(given: str, known: Sequence[str]) -> str:
    close = get_close_matches(given, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""


def _fields(model: type[BaseModel], location: Location) -> list[str]:
    """Return the fields that are known where the location points."""
    for part in location:
        for name, field in model.model_fields.items():
            if part == (field.alias or name) and (inner := _first_model(field.annotation)) is not None:
                model = inner
                break
    return [field.alias or name for name, field in model.model_fields.items()]


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _first_model(part)) is not None), None)


def _field(location: Location) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true/false", int: "a number", float: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")


def _place(tree: yaml.Node, location: Location, *, of_key: bool) -> str:
    """Return ``:line:column`` of the field, or of the nearest thing around it that is in the file."""
    node, mark = tree, tree.start_mark
    for depth, part in enumerate(location):
        last = depth == len(location) - 1
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                break
            node, mark = pair[1], (pair[0] if last and of_key else pair[1]).start_mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = cast(yaml.Node, node.value[part])
            mark = node.start_mark
        else:
            break
    return f":{mark.line + 1}:{mark.column + 1}"
