"""Read from a folder what rules need: the files to check, and those that they only gather from."""

import os
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from repo_agent_dagster.migration.standards.checking import FILE_LIMIT_BYTES
from repo_agent_dagster.migration.standards.report import Unsure
from repo_agent_dagster.migration.standards.rules import Rule, gathers_everywhere, needs_context
from repo_agent_dagster.migration.units.walk import SKIPPED_FOLDERS, is_executable, walk_unit


@dataclass(frozen=True)
class Tree:
    """Files by their path relative to `root`; `unread` names those that could not be read, and why."""

    root: Path
    files: dict[str, bytes] = field(default_factory=dict)
    context: dict[str, bytes] = field(default_factory=dict)
    executable: frozenset[str] = frozenset()
    unread: tuple[Unsure, ...] = ()


def root_of(path: Path) -> Path:
    """Return the folder that rules' globs are relative to: the checkout that holds the path, or else its folder."""
    absolute = path.resolve()
    folder = absolute if absolute.is_dir() else absolute.parent
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)


def read_tree(root: Path, path: Path, rules: Sequence[Rule]) -> Tree:
    """Return the files at and below the path that a rule is for, and those of the root that rules gather from.

    Links are not followed; what git ignores, packages, caches and what editors leave is left out.
    """
    root, below = root.resolve(), path.resolve().relative_to(root.resolve()).as_posix()
    prefix = "" if below == "." else f"{below}/"
    tree, executable, unread = Tree(root), set(), []
    for name in _names(root, below, everything=any(map(gathers_everywhere, rules))):
        is_below = not prefix or name == below or name.startswith(prefix)
        is_due = is_below and any(rule.looks_at(name) for rule in rules)
        if not is_due and not needs_context(rules, name):
            continue
        found = _read(root / name)
        if isinstance(found, str):
            unread.append(Unsure(name, 1, 1, found))
        elif found is not None:
            (tree.files if is_due else tree.context)[name] = found.content
            if found.is_executable:
                executable.add(name)
    return Tree(root, tree.files, tree.context, frozenset(executable), tuple(unread))


def read_context(root: Path, rules: Sequence[Rule]) -> dict[str, bytes]:
    """Return the files of the root that rules gather from, to check by them what is not written yet."""
    if not any(map(gathers_everywhere, rules)):
        return {}
    names = [name for name in _names(root.resolve(), ".", everything=True) if needs_context(rules, name)]
    found = {name: _read(root / name) for name in names}
    return {name: file.content for name, file in found.items() if isinstance(file, _File)}


@dataclass(frozen=True)
class _File:
    content: bytes
    is_executable: bool


def _read(path: Path) -> _File | str | None:
    """Return a plain file, why it is not read, or None for what is no plain file."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > FILE_LIMIT_BYTES:
            return f"{status.st_size} bytes; files of more than {FILE_LIMIT_BYTES} are not read"
        return _File(path.read_bytes(), is_executable(status.st_mode))
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _names(root: Path, below: str, *, everything: bool) -> list[str]:
    """Return the paths of the files below a folder of the root (or of all of it), sorted."""
    start = "." if everything else below
    names = _git_names(root, start)
    if names is None:
        names = list(_walked_names(root, start))
    return sorted(name for name in names if _is_utf8(name))


def _git_names(root: Path, below: str) -> list[str] | None:
    """Return what git tracks or would; None where the root is no checkout, or git is not there."""
    if not (root / ".git").exists():
        return None
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", below]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    if done.returncode != 0:
        return None
    names = (os.fsdecode(name) for name in done.stdout.split(b"\0") if name)
    return [name for name in names if not SKIPPED_FOLDERS & set(name.split("/"))]


def _walked_names(root: Path, below: str) -> Iterator[str]:
    start = root / below
    if start.is_file():
        yield below
        return
    prefix = "" if below == "." else f"{below}/"
    for entry in walk_unit(start, []):
        if stat.S_ISREG(entry.status.st_mode):
            yield prefix + entry.relative


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
