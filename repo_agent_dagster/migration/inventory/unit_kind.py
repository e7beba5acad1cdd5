"""What a unit is as a whole: something that runs, something that others use, or documents; and what it is for."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from repo_agent_dagster.migration.inventory.comments import first_sentence
from repo_agent_dagster.migration.inventory.model import UnitKind
from repo_agent_dagster.migration.inventory.reading import ReadFile
from repo_agent_dagster.migration.inventory.structured_files import mapping_of, read_json, read_toml, text_of, under
from repo_agent_dagster.migration.rewriting import resolve
from repo_agent_dagster.migration.rewriting.specifiers import read_source
from repo_agent_dagster.migration.units.contents import UnitFile
from repo_agent_dagster.migration.wrangler_files import WRANGLER_FILES, wrangler_content

_STARTS = ("start", "dev", "serve", "deploy")
_OFFERS = ("main", "module", "exports", "types")
_PROGRAM_STEMS = frozenset({"index", "main", "server", "app", "worker", "cli"})
_README_LIMIT = 20_000


def kind_of_unit(files: Iterable[ReadFile], texts: Mapping[str, str]) -> tuple[UnitKind, str]:
    """Return whether a unit is an app, a library or documents, and the fact that decides it."""
    known = {file.path: file for file in files}
    by_depth = sorted(known, key=lambda path: (path.count("/"), path))
    for path in by_depth:
        name = PurePosixPath(path).name
        if name in WRANGLER_FILES:
            return "app", f"{path} configures a worker"
        if known[path].language == "Dockerfile" or name in {
            "compose.yaml",
            "docker-compose.yml",
            "docker-compose.yaml",
        }:
            return "app", f"{path} builds or runs a container"
    for path in by_depth:
        if (found := _by_description(path, texts.get(path, ""))) is not None:
            return found
    starting = entry_points(known.values(), texts)
    for path in by_depth:
        if path in starting and starting[path] != "script":
            return "app", f"{path} is the entry point of a {starting[path]}"
    if any(file.reader in {"ts", "py", "go"} for file in known.values()):
        return "library", "it has code and nothing that starts it"
    return "documents", "it has no code that is parsed"


def entry_points(files: Iterable[ReadFile], texts: Mapping[str, str]) -> dict[str, str]:
    """Return the files at which something starts, and what it is: worker, program, command, page or script."""
    found: dict[str, str] = {}
    known = {file.path: file for file in files}
    for path, what in _configured(texts):
        target = resolve.resolves(f"./{path}", "index.ts", known)
        if target is not None:
            found.setdefault(target, what)
    for path, file in known.items():
        if file.facts.entry_point is not None:
            found.setdefault(path, file.facts.entry_point)
        elif file.reader == "html" and PurePosixPath(path).name == "index.html":
            found.setdefault(path, "page")
        elif _runs_when_loaded(file):
            found.setdefault(path, "program")
    return found


def _configured(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the paths that configurations name as entry points, relative to the unit, and what starts there."""
    for path in sorted(texts):
        name, folder = posixpath.basename(path), posixpath.dirname(path)
        if name in WRANGLER_FILES and (main := text_of(wrangler_content(path, texts[path]), "main")) is not None:
            yield posixpath.normpath(posixpath.join(folder, main)), "worker"
        elif name == "package.json":
            commands = read_json(texts[path]).mapping.get("bin")
            named = [commands] if isinstance(commands, str) else list(mapping_of({"bin": commands}, "bin").values())
            for command in named:
                if isinstance(command, str):
                    yield posixpath.normpath(posixpath.join(folder, command)), "command"


def _runs_when_loaded(file: ReadFile) -> bool:
    """Return whether a script with a main program's name exports nothing: then loading it is what it is for."""
    parts = PurePosixPath(file.path).parts
    if file.reader != "ts" or file.path.endswith(".d.ts") or file.facts.exports or not file.facts.definitions:
        return False
    return PurePosixPath(file.path).stem in _PROGRAM_STEMS and parts[:-1] in {(), ("src",)}


def _by_description(path: str, text: str) -> tuple[UnitKind, str] | None:
    name = PurePosixPath(path).name
    if name == "package.json":
        content = read_json(text).mapping
        if content.get("bin"):
            return "app", f"{path} has a bin"
        starting = [script for script in _STARTS if script in mapping_of(content, "scripts")]
        offered = [key for key in _OFFERS if content.get(key)]
        if starting and not offered:
            return "app", f"{path} has a script {starting[0]!r} and exports nothing"
        if offered:
            return "library", f"{path} has {offered[0]!r}"
    elif name == "pyproject.toml":
        content = read_toml(text).mapping
        if mapping_of(content, "project", "scripts"):
            return "app", f"{path} has project.scripts"
        if isinstance(under(content, "project"), dict):
            return "library", f"{path} describes a package and no script"
    return None


def purpose_of_unit(files: Mapping[str, UnitFile], texts: Mapping[str, str]) -> str:
    """Return what the unit is for: its package's description, else its README's first paragraph or heading."""
    described = text_of(read_json(texts.get("package.json", "{}")).value, "description") or text_of(
        read_toml(texts.get("pyproject.toml", "")).value, "project", "description"
    )
    if described:
        return first_sentence(described)
    readme = next((path for path in sorted(files) if "/" not in path and path.lower().startswith("readme")), None)
    source = None if readme is None else read_source(files[readme].content[:_README_LIMIT])
    return "" if source is None else _opening(source.text)


def _opening(text: str) -> str:
    """Return the first sentence of the first paragraph, or the first heading where there is no paragraph."""
    blocks = [block.strip() for block in text.replace("\r\n", "\n").split("\n\n") if block.strip()]
    paragraphs = [block for block in blocks if not block.startswith(("#", "!", "[!", "<", "|", "```", "    ", "---"))]
    if paragraphs:
        return first_sentence(paragraphs[0])
    return first_sentence(blocks[0].lstrip("# ")) if blocks else ""
