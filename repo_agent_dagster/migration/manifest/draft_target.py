"""What a target root offers to a unit that arrives: its workspaces, packages, aliases, and an orchestrator."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from repo_agent_dagster.migration.faults import DestinationError
from repo_agent_dagster.migration.inventory.structured_files import (
    list_of,
    mapping_of,
    read_json,
    read_yaml,
    text_of,
)
from repo_agent_dagster.migration.manifest.draft_names import GivenNames
from repo_agent_dagster.migration.planning.destination import Destination
from repo_agent_dagster.migration.planning.lock import lock_path, read_lock
from repo_agent_dagster.migration.wrangler_files import WRANGLER_FILES

_USUAL = ("packages/*", "apps/*", "libs/*", "workers/*", "services/*")
_MOST_PACKAGES = 500
_READ_LIMIT_BYTES = 1_000_000


@dataclass(frozen=True)
class TargetPackage:
    """One package of the target root: its folder relative to the root, and what its package.json says."""

    folder: str
    description: dict[str, Any]

    @property
    def name(self) -> str | None:
        """The name that others import it by."""
        return text_of(self.description, "name")


class TargetRoot:
    """Reads a target root as far as a draft needs it; nothing is followed out of it, nothing is written."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise DestinationError(f"target root {root} is not a folder; name the monorepo's folder with --into")
        self.root = root
        self._destination = Destination(root)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._destination.holds_file(path)

    def text(self, path: str) -> str | None:
        """Return the text of a file, or None where there is none or it is too large to matter here."""
        content = self._destination.read(path).content if path in self else None
        return None if content is None or len(content) > _READ_LIMIT_BYTES else content.decode("utf-8-sig", "replace")

    @cached_property
    def given_names(self) -> GivenNames:
        """The names that the root's modules export."""
        return GivenNames(self)

    @cached_property
    def workspaces(self) -> tuple[str, ...]:
        """The workspace globs of package.json or pnpm-workspace.yaml, as they are written; excluding ones left out."""
        described = self._json("package.json")
        globs = list_of(described, "workspaces") or list_of(described, "workspaces", "packages")
        globs = globs or list_of(read_yaml(self.text("pnpm-workspace.yaml") or "").value, "packages")
        plain = (glob.removeprefix("./").rstrip("/") for glob in globs if isinstance(glob, str))
        return tuple(glob for glob in plain if glob and not glob.startswith(("!", "/", "..")))

    @property
    def is_workspace(self) -> bool:
        """Whether one lock file at the root serves all packages."""
        return bool(self.workspaces)

    @cached_property
    def packages(self) -> tuple[TargetPackage, ...]:
        """The packages in the workspaces, or in the usual folders where the root names none; sorted by folder."""
        folders = {folder for glob in (self.workspaces or _USUAL) for folder in self._folders(glob)}
        described = ((folder, self._json(f"{folder}/package.json")) for folder in sorted(folders)[:_MOST_PACKAGES])
        return tuple(TargetPackage(folder, content) for folder, content in described)

    @cached_property
    def aliases(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The ``paths`` of the root's tsconfig files: pattern, and targets relative to the root."""
        found: dict[str, tuple[str, ...]] = {}
        for name in ("tsconfig.base.json", "tsconfig.json"):
            options = mapping_of(self._json(name), "compilerOptions")
            base = text_of(options, "baseUrl") or "."
            for pattern, targets in mapping_of(options, "paths").items():
                texts = [target for target in targets if isinstance(target, str)] if isinstance(targets, list) else []
                places = tuple(posixpath.normpath(posixpath.join(base, target)) for target in texts)
                found.setdefault(pattern, tuple(place for place in places if not place.startswith("..")))
        return tuple(sorted(found.items()))

    @cached_property
    def orchestrators(self) -> tuple[TargetPackage, ...]:
        """The packages whose name or folder says orchestrator and that are configured as a worker."""
        return tuple(
            package
            for package in self.packages
            if "orchestrator" in f"{package.name} {posixpath.basename(package.folder)}".lower()
            and any(f"{package.folder}/{name}" in self for name in WRANGLER_FILES)
        )

    def free_for(self, unit: str, folder: str) -> str | None:
        """Return why a unit cannot be put into a folder, or None where it can."""
        path = lock_path(folder)
        standing = self._destination.read(path)
        if standing.obstacle is not None:
            return standing.obstacle
        if standing.content is None:
            return None
        try:
            owner = read_lock(path, standing.content).unit
        except DestinationError:
            return f"{path} is damaged"
        return None if owner == unit else f"belongs to unit {owner}"

    def holds_folder(self, folder: str) -> bool:
        """Return whether a folder stands there already."""
        return (self.root / folder).is_dir()

    def _json(self, path: str) -> dict[str, Any]:
        return read_json(self.text(path) or "{}").mapping

    def _folders(self, glob: str) -> Iterator[str]:
        """Yield the folders with a package.json that a workspace glob such as ``packages/*`` means."""
        before, star, after = glob.partition("*")
        if not star:
            if f"{glob}/package.json" in self:
                yield glob
            return
        folder = before.rstrip("/")
        parent = self.root / folder
        if after.strip("*/") or (before and not before.endswith("/")) or not parent.is_dir() or parent.is_symlink():
            return
        for entry in sorted(parent.iterdir()):
            inside = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name != "node_modules" and f"{inside}/package.json" in self:
                yield inside
