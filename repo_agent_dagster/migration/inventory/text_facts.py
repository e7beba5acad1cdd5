"""What files that are no program say of themselves: headings, titles, head comments, descriptions."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Any

from repo_agent_dagster.migration.inventory import typescript_facts
from repo_agent_dagster.migration.inventory.comments import head_text
from repo_agent_dagster.migration.inventory.facts import ImportFact, SourceFacts
from repo_agent_dagster.migration.inventory.model import StorageUse
from repo_agent_dagster.migration.inventory.structured_files import read_json, read_toml

_HASH = frozenset(
    {"YAML", "TOML", "Shell", "Dockerfile", "Makefile", "INI", "Environment", "Ruby", "Ignore list", "Terraform"}
)
_SLASH = frozenset({"CSS", "SCSS", "Less", "Rust", "Java", "C", "C++", "C#", "PHP", "Go module", "Protobuf", "JSON"})
_SCRIPT_TYPES = frozenset({"", "module", "text/javascript", "application/javascript"})
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.+?)\s*#*\s*$")


def read_facts(path: str, language: str, text: str) -> SourceFacts:
    """Return the facts of one file; unknown languages have none."""
    if language == "HTML":
        return _html(text)
    if language in {"Markdown", "reStructuredText", "AsciiDoc"}:
        return SourceFacts(title=_heading(text))
    if language == "Text":
        return SourceFacts(title=next((line.strip() for line in text.splitlines() if line.strip()), None))
    if language == "SQL":
        return SourceFacts(
            head=_line_comments(text, "--") or _block_comment(text), storage=(StorageUse("sql", 1, "SQL script"),)
        )
    head = _line_comments(text, "#") if language in _HASH else None
    if language in _SLASH:
        head = _block_comment(text) or _line_comments(text, "//")
    return SourceFacts(head=head, title=_described(path, language, text))


def _heading(text: str) -> str | None:
    """Return the first heading: one with marks, or a first line that is underlined."""
    lines = text.splitlines()
    fenced = False
    for index, line in enumerate(lines[:200]):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if fenced:
            continue
        if (heading := _HEADING.match(line)) is not None:
            return heading[1]
        below = lines[index + 1].strip() if index + 1 < len(lines) else ""
        if line.strip() and len(below) >= 3 and set(below) in ({"="}, {"-"}) and not line.startswith("-"):
            return line.strip()
        if line.startswith("= "):
            return line[2:].strip()
    return None


def _described(path: str, language: str, text: str) -> str | None:
    """Return the description that package.json, pyproject.toml and their like carry, else their name."""
    name = PurePosixPath(path).name
    value: Any = None
    if language == "JSON":
        value = read_json(text).value
    elif language == "TOML" and name == "pyproject.toml":
        project = read_toml(text).value
        value = project.get("project") if isinstance(project, dict) else None
    if not isinstance(value, dict):
        return None
    described = next((value[key] for key in ("description", "title") if isinstance(value.get(key), str)), None)
    if described or not isinstance(value.get("name"), str):
        return described or None
    return f"package {value['name']}" if name in {"package.json", "pyproject.toml"} else value["name"]


def _line_comments(text: str, mark: str) -> str | None:
    block: list[str] = []
    for line in text.splitlines()[:80]:
        stripped = line.strip()
        if stripped.startswith("#!"):
            continue
        if stripped.startswith(mark):
            block.append(stripped)
            continue
        if block and (found := head_text(["\n".join(block)])) is not None:
            return found
        block = []
        if stripped:
            return None
    return head_text(["\n".join(block)]) if block else None


def _block_comment(text: str) -> str | None:
    stripped = text.lstrip()
    if not stripped.startswith("/*"):
        return None
    end = stripped.find("*/")
    return head_text([stripped[: end + 2]]) if end > 0 else None


class _Page(HTMLParser):
    """Title, first comment, first heading and the scripts and styles of an HTML page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: dict[str, str] = {}
        self.comment: str | None = None
        self.imports: list[ImportFact] = []
        self.scripts: list[tuple[int, str]] = []
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        line = self.getpos()[0]
        if tag in {"title", "h1"} and tag not in self.texts:
            self._inside, self.texts[tag] = tag, ""
        elif tag == "script" and not given.get("src") and given.get("type", "module") in _SCRIPT_TYPES:
            self._inside = tag
        elif tag in {"script", "img", "iframe", "source"} and given.get("src"):
            self.imports.append(ImportFact(given["src"], line))
        elif (
            tag == "link"
            and given.get("href")
            and given.get("rel", "") in {"stylesheet", "icon", "modulepreload", "manifest"}
        ):
            self.imports.append(ImportFact(given["href"], line))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append((self.getpos()[0], data))
        elif self._inside is not None:
            self.texts[self._inside] += data

    def handle_comment(self, data: str) -> None:
        if self.comment is None:
            self.comment = head_text([f"<!--{data}-->"])


def _html(text: str) -> SourceFacts:
    page = _Page()
    page.feed(text)
    page.close()
    title = next((page.texts[tag].strip() for tag in ("title", "h1") if page.texts.get(tag, "").strip()), None)
    imports, storage = list(page.imports), list[StorageUse]()
    for line, script in page.scripts:
        inline = typescript_facts.read_facts("inline.js", script)
        imports += [ImportFact(one.specifier, one.line + line - 1, in_page=True) for one in inline.imports]
        storage += [replace(use, line=use.line + line - 1) for use in inline.storage]
    return SourceFacts(
        head=page.comment if title is None else None,
        title=title,
        imports=tuple(sorted(imports, key=lambda one: one.line)),
        storage=tuple(storage),
    )
