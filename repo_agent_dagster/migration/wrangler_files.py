"""What the configuration of a Cloudflare worker is called, and what it says."""

import tomllib
from typing import Any

from repo_agent_dagster.migration.jsonc import NotJson, read_data

WRANGLER_FILES = ("wrangler.toml", "wrangler.jsonc", "wrangler.json")
"""The names of a worker's configuration; where a folder has several the first counts."""


def wrangler_content(path: str, text: str) -> dict[str, Any]:
    """Return what a wrangler file says; an empty mapping for one that cannot be read."""
    body = text.removeprefix("\ufeff")
    try:
        value = tomllib.loads(body.replace("\r\n", "\n")) if path.endswith(".toml") else read_data(body)
    except (tomllib.TOMLDecodeError, NotJson, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
