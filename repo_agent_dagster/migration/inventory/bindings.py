"""Stores that a worker's configuration binds: wrangler.toml, wrangler.json and wrangler.jsonc."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from repo_agent_dagster.migration.inventory.model import StorageUse
from repo_agent_dagster.migration.inventory.structured_files import list_of, mapping_of, text_of
from repo_agent_dagster.migration.wrangler_files import WRANGLER_FILES, wrangler_content

_LISTS = {"d1_databases": "d1", "kv_namespaces": "kv", "r2_buckets": "r2", "hyperdrive": "postgres"}


def bound_stores(texts: Mapping[str, str]) -> dict[str, tuple[StorageUse, ...]]:
    """Return the stores that each wrangler file binds, as ``binding NAME``, with the line that names it."""
    found: dict[str, tuple[StorageUse, ...]] = {}
    for path in sorted(texts):
        if PurePosixPath(path).name in WRANGLER_FILES:
            content = wrangler_content(path, texts[path])
            environments = [content, *mapping_of(content, "env").values()]
            pairs = dict.fromkeys(pair for environment in environments for pair in _bound(environment))
            found[path] = tuple(StorageUse(kind, _line(texts[path], name), f"binding {name}") for kind, name in pairs)
    return found


def _bound(content: Any) -> Iterator[tuple[str, str]]:
    for section, kind in _LISTS.items():
        for entry in list_of(content, section):
            if (name := text_of(entry, "binding")) is not None:
                yield kind, name
    for entry in list_of(content, "durable_objects", "bindings"):
        if (name := text_of(entry, "name")) is not None:
            yield "durable-object", name


def _line(text: str, name: str) -> int:
    """Return the line of the first place where the name stands in quotes."""
    places = [place for quote in "\"'" if (place := text.find(f"{quote}{name}{quote}")) >= 0]
    return text.count("\n", 0, min(places)) + 1 if places else 1
