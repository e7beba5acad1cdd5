"""A YAML or JSON file that a person wrote: its content, and where each part of it stands."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ValidationError

from repo_agent_dagster.migration.documents.mistakes import NO_WORDING, Wording, field_of, in_words, is_about_key
from repo_agent_dagster.migration.documents.yaml_text import compose_yaml, data_of_yaml

DOCUMENT_LIMIT_BYTES = 1_000_000

Location = Sequence[int | str]
"""The keys and indexes that lead to a part of a document, such as ``("files", 0, "from")``."""
_Model = TypeVar("_Model", bound=BaseModel)


class DocumentError(Exception):
    """A file that cannot be used; one line for each mistake: file, line and column from 1, field, what to do."""


@dataclass(frozen=True)
class Document:
    """A file's content as plain data, and the tree that knows the places; JSON that YAML cannot read has no tree."""

    path: Path
    content: Any
    tree: yaml.Node | None

    def told(self, location: Location, message: str, *, of_key: bool = False) -> str:
        """Return a message with the place of a part of the file, or of the nearest thing around it that is there."""
        field = field_of(location)
        mark = _mark(self.tree, location, of_key=of_key)
        place = "" if mark is None else f":{mark.line + 1}:{mark.column + 1}"
        return f"{self.path}{place}: {field + ': ' if field else ''}{message}"

    def read_as(self, model: type[_Model], wording: Wording = NO_WORDING) -> _Model:
        """Return the content as a model.

        Raises:
            DocumentError: it breaks the model's rules; all mistakes are told at once.
        """
        try:
            return model.model_validate(self.content)
        except ValidationError as error:
            # What is unknown comes first: a field that is missing is most often one that is misspelt.
            details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] != "extra_forbidden")
            lines = [
                self.told(
                    tuple(part for part in detail["loc"] if part != "[key]"),
                    in_words(model, detail, wording),
                    of_key=is_about_key(detail),
                )
                for detail in details
            ]
            raise DocumentError("\n".join(lines)) from error


def read_document(path: Path, what: str) -> Document:
    """Return what a YAML or JSON file says; `what` names it in errors ("manifest").

    Raises:
        DocumentError: it cannot be read, is too large, is not UTF-8, not YAML or JSON, or gives a key twice.
    """
    text = _read(path, what)
    if path.suffix == ".json":
        return Document(path, _json(path, text), _json_tree(text))
    try:
        tree = compose_yaml(text)
        _refuse_twins(path, tree)
        return Document(path, data_of_yaml(tree), tree)
    except (yaml.YAMLError, ValueError) as error:
        raise _syntax_error(path, error) from error


def _read(path: Path, what: str) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > DOCUMENT_LIMIT_BYTES:
        raise DocumentError(f"{path}: {len(raw)} bytes; a {what} has at most {DOCUMENT_LIMIT_BYTES}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DocumentError(f"{path}:{line}: byte {error.start} is not UTF-8; save the {what} as UTF-8") from error


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _without_twins(path, pairs))
    except json.JSONDecodeError as error:
        raise DocumentError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise DocumentError(f"{path}: not JSON: nested too deeply") from error


def _json_tree(text: str) -> yaml.Node | None:
    try:
        return compose_yaml(text)
    except yaml.YAMLError:
        return None  # JSON with tabs: its errors name fields only


def _without_twins(path: Path, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise DocumentError(f"{path}: {key!r} is given twice in one object")
        result[key] = value
    return result


def _refuse_twins(path: Path, tree: yaml.Node | None) -> None:
    """Refuse a key given twice in one mapping, where YAML would let the last one win."""
    for mapping in _mappings(tree):
        seen: dict[str, int] = {}
        for key, _ in mapping.value:
            line, column = key.start_mark.line + 1, key.start_mark.column + 1
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                told = f"{key.value!r} is given twice; the first is in line {seen[key.value]}"
                raise DocumentError(f"{path}:{line}:{column}: {told}")
            if isinstance(key, yaml.ScalarNode):
                seen[key.value] = line


def _mappings(tree: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Yield every mapping once, in the order of the file: aliases make a node stand in many places."""
    seen: set[int] = set()
    waiting = [] if tree is None else [tree]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
            waiting += [value for _, value in reversed(node.value)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)


def _syntax_error(path: Path, error: Exception) -> DocumentError:
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        hint = "; put text that holds ': ', '#', '{' or a leading '$', '*' or '@' in quotes"
        place = f"{path}:{mark.line + 1}:{mark.column + 1}"
        return DocumentError(f"{place}: not valid YAML: {error.problem or error.context}{hint}")
    return DocumentError(f"{path}: not valid YAML: {' '.join(str(error).split())}")


def _mark(tree: yaml.Node | None, location: Location, *, of_key: bool) -> yaml.Mark | None:
    """Return where a part stands, or the nearest thing around it that is in the file."""
    node, mark = tree, None if tree is None else tree.start_mark
    for depth, part in enumerate(location):
        last = depth == len(location) - 1
        if isinstance(node, yaml.MappingNode):
            # A mapping's own keys come after those that `<<` brought in.
            pair = next((pair for pair in reversed(node.value) if pair[0].value == str(part)), None)
            if pair is None:
                break
            node, mark = pair[1], (pair[0] if last and of_key else pair[1]).start_mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = cast(yaml.Node, node.value[part])
            mark = node.start_mark
        else:
            break
    return mark
