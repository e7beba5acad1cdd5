"""A wrangler configuration, TOML or JSON with comments: what it says, and bindings added by a splice."""

import json
import posixpath
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repo_agent_dagster.migration.jsonc import Node, NotJson, read_json
from repo_agent_dagster.migration.merging.json_edits import Insert, Source, edited
from repo_agent_dagster.migration.rewriting.specifiers import read_source
from repo_agent_dagster.migration.wrangler_files import WRANGLER_FILES, wrangler_content


@dataclass(frozen=True)
class Wrangler:
    """One configuration file; `value` is empty where it cannot be read."""

    path: str
    content: bytes
    value: Mapping[str, Any]

    @property
    def name(self) -> str | None:
        """The worker's name."""
        name = self.value.get("name")
        return name if isinstance(name, str) else None

    @property
    def main(self) -> str | None:
        """The worker's entry file, relative to the target root."""
        main = self.value.get("main")
        folder = posixpath.dirname(self.path)
        return posixpath.normpath(posixpath.join(folder, main)) if isinstance(main, str) else None

    def bindings(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the entries of `services`, `d1_databases` …"""
        found = self.value.get(kind)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def find_wrangler(folder: str, files: Mapping[str, bytes]) -> Wrangler | None:
    """Return the wrangler file of a package, or None."""
    for name in WRANGLER_FILES:
        path = posixpath.normpath(posixpath.join(folder, name))
        if path in files:
            source = read_source(files[path])
            return Wrangler(path, files[path], {} if source is None else wrangler_content(path, source.text))
    return None


def add_binding(wrangler: Wrangler, kind: str, entry: Mapping[str, str]) -> bytes | None:
    """Return the file with an entry added to `services`, `d1_databases` …; None where it cannot be spliced in."""
    return _in_toml(wrangler, kind, entry) if wrangler.path.endswith(".toml") else _in_json(wrangler, kind, entry)


def _in_toml(wrangler: Wrangler, kind: str, entry: Mapping[str, str]) -> bytes | None:
    source = read_source(wrangler.content)
    if source is None or not wrangler.value:
        return None
    text = source.text
    newline = "\r\n" if "\r\n" in text else "\n"
    if kind in wrangler.value and re.search(rf"^\[\[\s*{kind}\s*\]\]", text, re.MULTILINE) is None:
        return _in_toml_array(wrangler, kind, entry, text)
    lines = [f"[[{kind}]]", *(f'{key} = "{value}"' for key, value in entry.items())]
    block = newline.join(lines) + newline
    tables = re.finditer(rf"^\[\[\s*{kind}\s*\]\][^\n]*\n(?:(?!\s*\[)[^\n]*\n?)*", text, re.MULTILINE)
    last = next(reversed(list(tables)), None)
    if last is not None:
        head, tail = text[: last.end()].rstrip(), text[last.end() :]
        body = head + newline * 2 + block + (newline if tail else "") + tail
    else:
        head = text.rstrip()
        body = head + (newline * 2 if head else "") + block
    return source.encode(body) if _toml_has(body, kind, entry) else None


def _in_toml_array(wrangler: Wrangler, kind: str, entry: Mapping[str, str], text: str) -> bytes | None:
    """Add to ``services = [ { … } ]``."""
    source = read_source(wrangler.content)
    match = re.search(rf"^{kind}\s*=\s*\[(?P<inside>[^\[\]]*)\]", text, re.MULTILINE)
    if match is None or source is None:
        return None
    one = "{ " + ", ".join(f'{key} = "{value}"' for key, value in entry.items()) + " }"
    inside = match["inside"].rstrip()
    comma = "" if not inside.strip() or inside.endswith(",") else ","
    space = "\n  " if "\n" in match["inside"] else " " if inside.strip() else ""
    end = match.start("inside") + len(inside)
    body = text[:end] + comma + space + one + text[end:]
    return source.encode(body) if _toml_has(body, kind, entry) else None


def _toml_has(text: str, kind: str, entry: Mapping[str, str]) -> bool:
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return dict(entry) in value.get(kind, [])


def _in_json(wrangler: Wrangler, kind: str, entry: Mapping[str, str]) -> bytes | None:
    source = read_source(wrangler.content)
    try:
        document = None if source is None else read_json(source.text, allow_twins=True)
    except NotJson:
        return None
    if source is None or document is None or document.root.kind != "object":
        return None
    one = f"{{ {', '.join(f'{json.dumps(key)}: {json.dumps(value)}' for key, value in entry.items())} }}"
    listed = document.root.by_key.get(kind)
    if listed is None:
        edit = _last_in(document.root, json.dumps(kind), f"[\n  {one}\n]")
    elif listed.value.kind == "array":
        edit = _last_in(listed.value, "", one)
    else:
        return None
    return source.encode(edited(document, [edit]))


def _last_in(container: Node, key: str, written: str) -> Insert:
    made = read_json(written)
    return Insert(container, container.items[-1] if container.items else None, key, Source(made, made.root))
