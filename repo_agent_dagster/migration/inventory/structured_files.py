"""Configuration files as plain data: JSON (with comments), TOML, YAML; a damaged one has a problem."""

import tomllib
from dataclasses import dataclass
from typing import Any

import yaml

from repo_agent_dagster.migration.documents import yaml_text
from repo_agent_dagster.migration.jsonc import NotJson, read_data


@dataclass(frozen=True)
class Read:
    """A file's content, or why it could not be read."""

    value: Any = None
    problem: str | None = None

    @property
    def mapping(self) -> dict[str, Any]:
        """The content if it is a mapping with text keys, else an empty one."""
        return self.value if isinstance(self.value, dict) else {}


def read_json(text: str) -> Read:
    """Return the content of a JSON file, which may have comments, trailing commas and a byte order mark."""
    body = text.removeprefix("\ufeff")
    try:
        return Read(read_data(body))
    except NotJson as error:
        return Read(problem=f"not JSON: {error}")


def read_toml(text: str) -> Read:
    """Return the content of a TOML file."""
    try:
        return Read(tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n")))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Read(problem=f"not TOML: {error}")


def read_yaml(text: str) -> Read:
    """Return the content of a YAML file with plain types only; several documents are a problem."""
    try:
        return Read(yaml_text.read_yaml(text))
    except (yaml.YAMLError, ValueError) as error:
        return Read(problem=f"not YAML: {' '.join(str(error).split())[:200]}")


def text_of(value: Any, *keys: str) -> str | None:
    """Return the text under the keys of nested mappings, or None."""
    found = under(value, *keys)
    return found if isinstance(found, str) else None


def mapping_of(value: Any, *keys: str) -> dict[str, Any]:
    """Return the mapping under the keys of nested mappings; an empty one where there is none."""
    found = under(value, *keys)
    return {key: one for key, one in found.items() if isinstance(key, str)} if isinstance(found, dict) else {}


def list_of(value: Any, *keys: str) -> list[Any]:
    """Return the list under the keys of nested mappings; an empty one where there is none."""
    found = under(value, *keys)
    return found if isinstance(found, list) else []


def under(value: Any, *keys: str) -> Any:
    """Return what is under the keys of nested mappings, or None."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
