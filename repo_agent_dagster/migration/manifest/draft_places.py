"""Where a drafted manifest puts a unit, and which of its files it leaves out."""

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.migration import FileRule
from repo_agent_dagster.migration.inventory.model import UnitInventory, UnitKind
from repo_agent_dagster.migration.inventory.structured_files import mapping_of, read_json, text_of
from repo_agent_dagster.migration.manifest.draft_target import TargetRoot
from repo_agent_dagster.migration.manifest.globs import matches
from repo_agent_dagster.migration.rewriting.specifiers import read_source
from repo_agent_dagster.migration.units.contents import UnitContents

_HOMES: dict[UnitKind, tuple[str, ...]] = {
    "app": ("apps", "workers", "services", "sites"),
    "library": ("packages", "libs", "libraries", "shared", "modules"),
    "documents": ("docs", "packages", "apps"),
}
_KINDS: dict[UnitKind, str] = {"app": "an app", "library": "a library", "documents": "a set of documents"}
_NPM_LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb")
_CACHES = (
    ".next", ".nuxt", ".turbo", ".wrangler", ".svelte-kit", ".parcel-cache", ".vite", ".output", ".pytest_cache",
    ".mypy_cache", ".ruff_cache", ".venv", "venv", ".tox", ".nyc_output", ".idea", ".vscode",
)  # fmt: skip
_OUTPUTS = ("dist", "build", "out", "coverage", "htmlcov", "target", "lib-dist", "public/build")
_SECRETS = (".env", ".env.local", ".dev.vars")
_PROJECT_FILES = frozenset({"package.json", "pyproject.toml", "go.mod"})
_MOST_NUMBERS = 50


@dataclass(frozen=True)
class Place:
    """The folder that a unit is to go to, why, and what else would do."""

    folder: str
    reason: str
    alternatives: tuple[str, ...]


@dataclass(frozen=True)
class Exclusion:
    """A glob of files that stay behind, how many they are, and why; one that is not sure is only proposed."""

    glob: str
    count: int
    reason: str
    sure: bool = True


def unit_name(folder_name: str) -> str:
    """Return the unit's name as a manifest can hold it: the folder's, with what is no letter of a name as a dash."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder_name).lstrip("._-").rstrip("-")[:200]
    return name or "unit"


def inner_roots(contents: UnitContents) -> list[str]:
    """Return the one folder that holds a project while the unit's own folder only surrounds it; else none."""
    projects = {path.rpartition("/")[0] for path in contents.by_path if posixpath.basename(path) in _PROJECT_FILES}
    outermost = [folder for folder in projects if not any(folder.startswith(f"{other}/") for other in projects)]
    named = [folder for folder in outermost if re.fullmatch(r"[\w][\w./ -]*", folder)]
    return named if "" not in projects and len(outermost) == 1 else []


def choose_place(inventory: UnitInventory, name: str, target: TargetRoot | None) -> Place:
    """Return the destination: apps/ for what runs, packages/ for what others use, as the target's workspaces say."""
    homes = _homes(inventory.kind, target)
    why = f"{inventory.kind_reason}, so it is {_KINDS[inventory.kind]}"
    if target is not None and homes[0] not in _HOMES[inventory.kind]:
        why += f"; {homes[0]}/ is the workspace folder that the target root has"
    refused: list[str] = []
    for home in [*homes, "migrated"]:
        for number in range(1, _MOST_NUMBERS):
            folder = f"{home}/{name}" if number == 1 else f"{home}/{name}-{number}"
            problem = None if target is None else target.free_for(name, folder)
            if problem is None:
                told = f"{why}. {' '.join(refused)}".strip()
                return Place(folder, told, tuple(f"{one}/{name}" for one in homes if one != home))
            refused.append(f"{folder} is not free: {problem}.")
            if "symlink" in problem or "not a folder" in problem:
                break
    return Place(f"{homes[0]}/{name}", f"{why}. {refused[0]}", ())


def _homes(kind: UnitKind, target: TargetRoot | None) -> list[str]:
    """Return the folders that units of a kind may go to, the best first."""
    other = _HOMES["library"][:1] if kind == "app" else _HOMES["app"][:1]
    usual = [_HOMES[kind][0], *other]
    if target is None:
        return usual
    parents = [glob.partition("*")[0].rstrip("/") for glob in target.workspaces if "*" in glob]
    parents = [
        parent for parent in parents if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", parent) and ".." not in parent
    ]
    fitting = [parent for wanted in _HOMES[kind] for parent in parents if posixpath.basename(parent) == wanted]
    standing = [home for home in _HOMES[kind] if target.holds_folder(home)]
    return list(dict.fromkeys([*fitting, *standing[: not fitting], *usual[: not fitting], *parents, *usual]))


def choose_exclusions(contents: UnitContents, inventory: UnitInventory, target: TargetRoot | None) -> list[Exclusion]:
    """Return the globs of what need not come along; files that others of the unit import always come along."""
    paths = list(contents.by_path)
    ignored = _ignored(contents) | _compiled_to(contents)
    found: list[Exclusion] = []
    left: set[str] = set()

    def consider(glob: str, reason: str, *, sure: bool = True) -> None:
        hit = {path for path in paths if matches(glob, path)} - left
        if not hit or _are_needed(hit, inventory) or (sure and len(hit) + len(left) == len(paths)):
            return
        found.append(Exclusion(glob, len(hit), reason, sure))
        if sure:
            left.update(hit)

    for name in _SECRETS:
        consider(f"**/{name}", "holds secrets of one machine")
    for name in _CACHES:
        consider(f"**/{name}/**", "is made by tools")
    for name in _OUTPUTS:
        sure = name in ignored
        reason = "is ignored by git or compiled to" if sure else "looks like build output; nothing says so for sure"
        consider(f"**/{name}/**", reason, sure=sure)
    consider("**/*.tsbuildinfo", "is made by tsc")
    for name in _NPM_LOCKS:
        one_lock = target is not None and target.is_workspace
        reason = "the target's workspaces have one lock file at the root" if one_lock else "pins versions of its own"
        consider(f"**/{name}", reason, sure=one_lock)
    return found


def files_rule(exclusions: Sequence[Exclusion]) -> FileRule:
    """Return the rule that takes all files but those that are excluded for sure."""
    return FileRule(from_="**/*", exclude=tuple(one.glob for one in exclusions if one.sure))


def _are_needed(hit: set[str], inventory: UnitInventory) -> bool:
    """Return whether a file that stays imports one of the files."""
    return any(
        one.target in hit
        for file in inventory.files
        if file.path not in hit
        for one in file.local_imports
        if one.target
    )


def _ignored(contents: UnitContents) -> set[str]:
    """Return the folder names that the unit's .gitignore ignores wherever they are."""
    source = read_source(contents.by_path[".gitignore"].content) if ".gitignore" in contents.by_path else None
    lines: Iterable[str] = () if source is None else source.text.splitlines()
    return {line.strip().strip("/") for line in lines if line.strip() and not line.startswith(("#", "!"))}


def _compiled_to(contents: UnitContents) -> set[str]:
    """Return the folders, named from the unit, that its root tsconfig compiles to."""
    file = contents.by_path.get("tsconfig.json")
    source = None if file is None else read_source(file.content)
    options = mapping_of(read_json("{}" if source is None else source.text).value, "compilerOptions")
    folder = text_of(options, "outDir")
    return set() if folder is None else {folder.removeprefix("./").strip("/")}
