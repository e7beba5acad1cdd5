"""The files that matter to a check, by their content: one digest for the whole, without reading what did not change.

As in git's index, a file's content is taken from the last look if its status says that nobody wrote it since. A file
that was written so shortly before that look that another write could hide behind the same time stamp is read again.
"""

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from repo_agent_dagster.patching.checks.check_folder import CheckFolder
from repo_agent_dagster.patching.checks.checker import Overlay
from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL

_VERSION = 1
_SETTLED_NANOSECONDS = 2_000_000_000  # the coarsest time stamps in use (FAT) are two seconds apart
_VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})
_ENVIRONMENTS = frozenset({".venv", "venv", ".tox", ".nox"})
_CACHES = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"})
_NEVER_ENTERED = _VERSION_CONTROL | _ENVIRONMENTS | _CACHES | {MISSION_CONTROL}
PACKAGES = "node_modules"


@dataclass(frozen=True)
class Scope:
    """Which files matter to a check: those with a suffix or a name, all of them where neither is given.

    Of installed packages (`node_modules`) `package_suffixes` matter and everything in `whole_packages`; without any,
    they are not looked into. Version control, virtual environments and tools' caches never matter.
    """

    name: str
    suffixes: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    package_suffixes: tuple[str, ...] | None = None
    whole_packages: tuple[str, ...] = ()

    def enters(self, name: str) -> bool:
        """Whether a folder of that name is looked into."""
        if name == PACKAGES:
            return self.package_suffixes is not None
        return name not in _NEVER_ENTERED

    def holds(self, path: str) -> bool:
        """Whether a path of the workspace matters."""
        *folders, _ = path.split("/")
        return all(map(self.enters, folders)) and self.matters(path, in_packages=PACKAGES in folders)

    def matters(self, path: str, *, in_packages: bool) -> bool:
        """Whether a file in a folder that is looked into matters."""
        if in_packages and self.package_suffixes is not None:
            return path.endswith(self.package_suffixes) or any(
                f"/{whole}/" in f"/{path}" for whole in self.whole_packages
            )
        name = path.rpartition("/")[2]
        if not self.suffixes and not self.names:
            return name not in _NEVER_ENTERED  # a worktree's .git is a file
        return path.endswith(self.suffixes) or name in self.names


@dataclass(frozen=True, slots=True)
class Entry:
    """What a path holds: a file by the SHA-256 of its content, or a symbolic link by where it leads."""

    digest: str
    executable: bool = False
    link: str | None = None
    size: int = 0

    def is_of(self, content: bytes) -> bool:
        """Whether this is the entry of a file with that content."""
        return self.link is None and self.digest == _sha256(content)


@dataclass(frozen=True)
class TreeIndex:
    """The entries of a tree by their paths."""

    entries: Mapping[str, Entry]

    @cached_property
    def digest(self) -> str:
        """One SHA-256 over all paths, kinds and contents."""
        whole = hashlib.sha256()
        for path in sorted(self.entries):
            entry = self.entries[path]
            kind = "l" if entry.link is not None else "x" if entry.executable else "f"
            whole.update(f"{path}\0{kind}{entry.digest}\n".encode("utf-8", "surrogateescape"))
        return whole.hexdigest()

    def overlaid(self, overlay: Overlay, scope: Scope) -> "TreeIndex":
        """Return the tree with the overlay's files in place of its own."""
        if not overlay:
            return self
        entries = dict(self.entries)
        for path, content in overlay.items():
            if not scope.holds(path):
                continue
            before = entries.pop(path, None)
            if content is not None:
                executable = before is not None and before.executable
                entries[path] = Entry(_sha256(content), executable, None, len(content))
        return TreeIndex(entries)


def read_tree(root: Path, scope: Scope, folder: CheckFolder) -> TreeIndex:
    """Return the tree as it is on the disk; what is known of it from the last look is kept in `folder`."""
    name = f"index-{scope.name}.json"
    known = _load(folder.read(name))
    looked_at = time.time_ns()
    entries: dict[str, Entry] = {}
    remembered: dict[str, list[int | str]] = {}
    for path, place, info in _files(root, scope):
        if stat.S_ISLNK(info.st_mode):
            target = str(Path(place).readlink())
            entries[path] = Entry(_sha256(target.encode("utf-8", "surrogateescape")), link=target)
            continue
        status = _status(info)
        last = known.get(path)
        unwritten = isinstance(last, list) and last[:-1] == status
        digest = str(last[-1]) if last is not None and unwritten else _digest_of(place)
        if digest is None:
            continue  # it went while we looked
        entries[path] = Entry(digest, bool(info.st_mode & 0o100), None, info.st_size)
        if max(info.st_mtime_ns, info.st_ctime_ns) < looked_at - _SETTLED_NANOSECONDS:
            remembered[path] = [*status, digest]
    if remembered != known:
        content = {"version": _VERSION, "files": remembered}
        folder.write(name, json.dumps(content, separators=(",", ":"), ensure_ascii=True).encode())
    return TreeIndex(entries)


def _files(root: Path, scope: Scope) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield the files and links that matter: their path in the workspace, where they are, and their status."""
    pending = [("", str(root), False)]
    while pending:
        prefix, place, in_packages = pending.pop()
        try:
            found = os.scandir(place)
        except (FileNotFoundError, PermissionError):
            continue
        with found:
            for entry in found:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if scope.enters(entry.name):
                        pending.append((f"{path}/", entry.path, in_packages or entry.name == PACKAGES))
                    continue
                is_link = entry.is_symlink()
                # A link may lead to a folder, which has no suffix.
                if not is_link and not scope.matters(path, in_packages=in_packages):
                    continue
                try:
                    info = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(info.st_mode) or is_link:
                    yield path, entry.path, info


def _status(info: os.stat_result) -> list[int | str]:
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_dev, info.st_mode]


def _digest_of(place: str) -> str | None:
    try:
        with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _load(content: bytes | None) -> dict[str, list[int | str]]:
    """Return what was remembered; nothing where that cannot be read: then all files are."""
    try:
        value = json.loads(content or b"{}")
        if value.get("version") != _VERSION:
            return {}
        files: dict[str, list[int | str]] = value["files"]
    except (ValueError, AttributeError, KeyError):
        return {}
    return files if isinstance(files, dict) else {}
