"""Find the marker regions in the files of a workspace."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repo_agent_dagster.patching.diffs.writing import is_binary
from repo_agent_dagster.patching.disk.paths import canonical
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import InvalidPatch, Workspace
from repo_agent_dagster.patching.text.lines import parse
from repo_agent_dagster.patching.text.markers import MarkerProblem, MarkerRegion, scan

_LEFT_OUT = {".git", ".mission_control", ".repo_agent", "node_modules", "__pycache__", ".venv", "venv"}


@dataclass(frozen=True)
class MarkedFile:
    """A file with markers: its regions, and what is wrong with its markers."""

    path: str
    regions: tuple[MarkerRegion, ...]
    problems: tuple[MarkerProblem, ...]


def scan_files(workspace: Workspace, paths: Sequence[str] = ()) -> list[MarkedFile]:
    """Return the files that have markers, sorted; in these files and folders, or in the whole workspace.

    Version control, our own folder, `node_modules` and virtual environments are left out; binary files have none.

    Raises:
        InvalidPatch: a path is not in the workspace.
    """
    found = []
    with Tree(workspace.root) as tree:
        for path in sorted(set(_files(workspace, paths))):
            state = tree.read(path)
            if state is None or is_binary(state.content):
                continue
            regions, problems = scan(parse(state.content).lines, workspace.markers)
            if regions or problems:
                found.append(MarkedFile(path, tuple(regions), tuple(problems)))
    return found


def _files(workspace: Workspace, paths: Sequence[str]) -> Iterator[str]:
    for path in paths or ("",):
        name = path.rstrip("/")
        relative = canonical(name) if name and name != "." else ""
        start = workspace.root / relative
        if start.is_file() and not start.is_symlink():
            yield relative
        elif not start.is_dir():
            raise InvalidPatch(f"{path} is neither a file nor a folder of the workspace")
        else:
            yield from _files_under(workspace, relative)


def _files_under(workspace: Workspace, folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(workspace.root / folder):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        prefix = os.path.relpath(here, workspace.root)
        for name in files:
            path = name if prefix == "." else f"{prefix}/{name}"
            if (workspace.root / path).is_file() and not (workspace.root / path).is_symlink():
                yield path
