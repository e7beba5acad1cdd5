"""A wrangler configuration, TOML or JSON with comments: what it says, and bindings added by a splice."""

import posixpath
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repo_agent_dagster.migration.refactor.syntax.jsonc import JsonFile, pairs
from repo_agent_dagster.migration.rewriting.specifiers import read_source

NAMES = ("wrangler.toml", "wrangler.jsonc", "wrangler.json")


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
    for name in NAMES:
        path = posixpath.normpath(posixpath.join(folder, name))
        if path in files:
            return Wrangler(path, files[path], _value(path, files[path]))
    return None


def _value(path: str, content: bytes) -> Mapping[str, Any]:
    if path.endswith(".toml"):
        try:
            return tomllib.loads(content.decode("utf-8-sig"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError):
            return {}
    value = JsonFile(path, content).value
    return value if isinstance(value, dict) else {}


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
    file = JsonFile(wrangler.path, wrangler.content)
    if file.root is None or file.root.kind != "object" or file.source is None:
        return None
    text = file.source.text
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = _indent(text)
    one = "{ " + ", ".join(f'"{key}": "{value}"' for key, value in entry.items()) + " }"
    listed = pairs(file.root).get(kind)
    if listed is not None and listed.kind == "array":
        inside = f"{newline}{indent * 2}{one}"
        if not listed.parts:
            return _spliced(file, listed.start, listed.end, f"[{inside}{newline}{indent}]")
        return _after(file, listed.parts[-1].end, inside)
    if listed is not None:
        return None
    made = f'{newline}{indent}"{kind}": [{newline}{indent * 2}{one}{newline}{indent}]'
    parts = file.root.parts
    if not parts:
        return _spliced(file, file.root.start, file.root.end, f"{{{made}{newline}}}")
    return _after(file, parts[-1].end, made)


def _after(file: JsonFile, end: int, text: str) -> bytes | None:
    """Put an element after the one that ends here, with the comma between; a trailing comma and a comment stay."""
    if file.source is None:
        return None
    whole = file.source.text
    rest = re.compile(r"[ \t]*(,?)([ \t]*(?://[^\n]*)?)(?=\r?\n)").match(whole, end - 1)
    if rest is None or not rest[2].strip():
        return _spliced(file, end, end, f",{text}")
    made = f",{rest[2]}{text}{rest[1]}"
    return file.source.encode(whole[: end - 1] + made + whole[rest.end() :])


def _spliced(file: JsonFile, start: int, end: int, text: str) -> bytes | None:
    if file.source is None:
        return None
    whole = file.source.text
    return file.source.encode(whole[: start - 1] + text + whole[end - 1 :])


def _indent(text: str) -> str:
    match = re.search(r"^([ \t]+)\S", text, re.MULTILINE)
    return match[1] if match is not None else "  "
