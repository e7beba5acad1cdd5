"""What a draft tells of imports that need no rule, or that only a person can decide: aliases, roots, modules."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from repo_agent_dagster.migration.inventory.declared_packages import go_module
from repo_agent_dagster.migration.inventory.local_modules import CLIMBS_OUT, LocalModules
from repo_agent_dagster.migration.inventory.model import UnitInventory
from repo_agent_dagster.migration.inventory.structured_files import read_json, text_of
from repo_agent_dagster.migration.manifest.draft_imports import DraftedImports
from repo_agent_dagster.migration.manifest.draft_target import TargetRoot
from repo_agent_dagster.migration.manifest.draft_yaml import flow
from repo_agent_dagster.migration.rewriting import resolve
from repo_agent_dagster.migration.units.contents import UnitContents
from repo_agent_dagster.migration.units.scan import MANIFESTS_FOLDER

_MOST = 20
_MOST_PATTERNS = 8


@dataclass(frozen=True)
class Note:
    """A sentence for the manifest's author, and the rule that would change what it tells, if there is one."""

    text: str
    alternative: str | None = None


def import_notes(
    texts: Mapping[str, str], inventory: UnitInventory, target: TargetRoot | None, destination: str
) -> Iterator[Note]:
    """Yield what the unit's imports rest on."""
    for text in (*_aliases(texts, inventory), *_extends(texts, target, destination), *_python(inventory)):
        yield Note(text)
    yield from _go(texts, target, destination)


def units_beside(contents: UnitContents, imports: DraftedImports) -> list[str]:
    """Return the folders beside the unit that open imports climb into."""
    beside = contents.unit_path.resolve().parent
    firsts = {wanted.path.partition("/")[0] for wanted, _ in imports.open if resolve.is_relative(wanted.specifier)}
    return sorted(first for first in firsts - {MANIFESTS_FOLDER} if first.isprintable() and (beside / first).is_dir())


def _aliases(texts: Mapping[str, str], inventory: UnitInventory) -> Iterator[str]:
    modules = LocalModules((file.path for file in inventory.files), texts)
    for aliases in modules.aliases.by_folder.values():
        named = [alias for alias in aliases if not alias.is_base]
        if named:
            patterns = ", ".join(alias.key for alias in named[:_MOST_PATTERNS])
            yield f"{named[0].config} maps {patterns}: these stay, since its paths move along."


def _extends(texts: Mapping[str, str], target: TargetRoot | None, destination: str) -> Iterator[str]:
    for path in sorted(texts):
        if not posixpath.basename(path).startswith("tsconfig"):
            continue
        extended = text_of(read_json(texts[path]).value, "extends")
        if extended is None or not resolve.is_relative(extended):
            continue
        folder = posixpath.dirname(path)
        if not posixpath.normpath(posixpath.join(folder, extended)).startswith(".."):
            continue
        there = posixpath.normpath(posixpath.join(destination, folder, extended))
        if target is None:
            yield f"{path} extends {extended}, which is outside of the unit."
        elif there in target or f"{there}.json" in target:
            yield f"{path} extends {extended}: at the destination that is {there}, which is there."
        else:
            yield f"{path} extends {extended}: at the destination that would be {there}, which is not there."


def _python(inventory: UnitInventory) -> Iterator[str]:
    python = [file for file in inventory.files if file.language == "Python"]
    if not python:
        return
    tops = {
        file.path.partition("/")[0]
        for file in python
        if file.path.endswith("/__init__.py") and file.path.count("/") == 1
    }
    below = {
        file.path.split("/")[1]
        for file in python
        if file.path.startswith("src/") and file.path.endswith("/__init__.py")
    }
    if below:
        yield f"Python: the import root is src/ ({', '.join(sorted(below)[:_MOST])}); names stay as long as src/ stays."
    elif tops:
        yield f"Python: the import root is the unit's folder ({', '.join(sorted(tops)[:_MOST])}); names stay."
    for file in python:
        for one in file.local_imports:
            if one.target is None and one.reason == CLIMBS_OUT:
                yield f"Python: {file.path}:{one.line} imports {one.specifier}, outside of the unit; it needs a rule."


def _go(texts: Mapping[str, str], target: TargetRoot | None, destination: str) -> Iterator[Note]:
    root = None if target is None else go_module(target.text("go.mod") or "")
    for path in sorted(texts):
        module = go_module(texts[path]) if posixpath.basename(path) == "go.mod" else None
        if module is None:
            continue
        folder = posixpath.normpath(posixpath.join(destination, posixpath.dirname(path)))
        new = f"{root}/{folder}" if root else f"example.com/monorepo/{folder}"
        yield Note(
            f"Go: {path} is module {module}, which keeps its name. To rename it with all its imports:",
            f"- {flow(prefix=module, to=new, language='go')}",
        )
