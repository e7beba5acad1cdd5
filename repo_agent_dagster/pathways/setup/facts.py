"""What a repository says about itself: the few tracked files by which its tests and dependencies are recognised.

Read from the host's mirror, from a clone in a sandbox, or from a folder; nothing of the repository is run for it.
"""

import io
import json
import os
import posixpath
import tarfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.pathways.setup.file_names import GIT_GLOBS, is_foreign, is_listed, is_python_test, is_read
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.repositories.history import Mirror
    from repo_agent_dagster.sandbox.sandbox import Sandbox

MAX_FILE_BYTES = 512 * 1024
MAX_TEXT_BYTES = 8 << 20
"""Of all texts together; the files nearest to the folder come first."""
MAX_FILES = 5_000

_LISTING_SECONDS = 60
_LISTING_BYTES = 4 << 20


class RepositoryUnreadable(PermanentFault):
    """The clone in the sandbox cannot be listed."""


@dataclass(frozen=True)
class RepositoryFacts:
    """The tracked files that matter here and the text of the small ones, by their path from the folder worked in.

    Of a monorepo's sub-folder, the files of the folders above it have names such as ``../pnpm-lock.yaml``.
    `python_tests` are files named as pytest looks for them; there may be more than are listed. `digests` tell one
    content of a file from another.
    """

    files: frozenset[str]
    python_tests: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    def text(self, path: str) -> str:
        """Return a file's text, empty where the file is missing."""
        return self.texts.get(path, "")

    def pyproject(self) -> dict[str, Any]:
        """Return `pyproject.toml`, parsed; empty where it is missing or malformed (its own tools will say so)."""
        return parsed_toml(self.text("pyproject.toml"))

    def package_json(self, folder: str = "") -> dict[str, Any]:
        """Return the `package.json` of a folder, parsed; empty where it is missing, malformed or no object."""
        try:
            package = json.loads(self.text(posixpath.join(folder, "package.json")) or "{}")
        except (json.JSONDecodeError, RecursionError):
            return {}
        return package if isinstance(package, dict) else {}

    def at(self, folder: str) -> "RepositoryFacts":
        """Return the facts as they are seen from a folder below: its own files, and those of the folders above it."""
        seen = {name: _seen_from(folder, name) for name in self.files | self.python_tests}
        tests = {seen[name] for name in self.python_tests if not seen[name].startswith("../")}
        files = frozenset(seen[name] for name in self.files if is_listed(seen[name]))
        texts = {seen[name]: text for name, text in self.texts.items() if seen.get(name) in files}
        digests = {seen[name]: digest for name, digest in self.digests.items() if seen.get(name) in files}
        return RepositoryFacts(files, frozenset(tests), texts, digests)

    def folders_with(self, *names: str) -> list[str]:
        """Return the folders below this one that hold one of these files, the nearest first."""
        found = {posixpath.dirname(file) for file in self.files if posixpath.basename(file) in names}
        below = (folder for folder in found if folder and not folder.startswith(".."))
        return sorted(below, key=lambda folder: (folder.count("/"), folder))

    def folders_above(self) -> list[str]:
        """Return the folders above the one worked in that have files listed, the nearest first: ``..``, ``../..``."""
        above = {posixpath.dirname(name) for name in self.files if name.startswith("../")}
        return sorted((folder for folder in above if not folder.replace("../", "").strip(".")), key=len)


def parsed_toml(text: str) -> dict[str, Any]:
    """Return a TOML text, parsed; empty where it is malformed."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def table(parent: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Return a nested table of TOML or JSON, empty where it is missing or something else."""
    found: Any = parent
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def strings(value: Any) -> list[str]:
    """Return the texts of a list of TOML or JSON; a single text is a list of one, anything else is empty."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def gather(
    paths: Iterable[str],
    read: Callable[[list[str]], Mapping[str, bytes]],
    *,
    folder: str = "",
    digests: Mapping[str, str] | None = None,
) -> RepositoryFacts:
    """Make the facts out of the paths of a tree; `read` returns the content of those it can, at most `MAX_FILE_BYTES`.

    `folder` is the one to work in; paths, also those of `digests`, are from the tree's root.
    """
    named = {_seen_from(folder, path): path for path in paths if not is_foreign(path)}
    ours = sorted((name for name in named if is_listed(name)), key=lambda name: (name.count("/"), name))[:MAX_FILES]
    tests = (name for name in named if not name.startswith("../") and is_python_test(name))
    wanted = [name for name in ours if is_read(name)]
    contents = read([named[name] for name in wanted])
    texts: dict[str, str] = {}
    room = MAX_TEXT_BYTES
    for name in wanted:
        content = contents.get(named[name])
        if content is not None and len(content) <= min(room, MAX_FILE_BYTES):
            texts[name] = content.decode("utf-8", "replace")
            room -= len(content)
    known = digests or {}
    kept = {name: known[named[name]] for name in ours if named[name] in known}
    return RepositoryFacts(frozenset(ours), frozenset(sorted(tests)[:MAX_FILES]), texts, kept)


def _seen_from(folder: str, path: str) -> str:
    if not folder:
        return path
    return path[len(folder) + 1 :] if path.startswith(f"{folder}/") else posixpath.relpath(path, folder)


def facts_at(mirror: "Mirror", commit: str, folder: str = "") -> RepositoryFacts:
    """Read the facts of a folder of a commit from the host's mirror; no file of it is ever written on the host.

    Raises:
        RepositoryError: the commit is not there.
    """
    from repo_agent_dagster.sandbox.repositories.reading import blobs, files_at

    entries = files_at(mirror, commit)

    def read(paths: list[str]) -> dict[str, bytes]:
        readable = (path for path in paths if not entries[path].link and entries[path].bytes <= MAX_FILE_BYTES)
        small = {path: entries[path].id for path in readable}
        contents = blobs(mirror, list(small.values()))
        return {path: contents[name] for path, name in small.items() if name in contents}

    return gather(entries, read, folder=folder, digests={path: entry.id for path, entry in entries.items()})


def read_facts(box: "Sandbox", path: str) -> RepositoryFacts:
    """Read the facts of the clone at `path` in the sandbox, as its files are now; folders above it are left out.

    Raises:
        RepositoryUnreadable: there is no readable git repository.
    """
    listing = box.exec(["bash", "-euc", _LIST, "list", *GIT_GLOBS], cwd=path, timeout_seconds=_LISTING_SECONDS)
    if not listing.ok:
        raise RepositoryUnreadable(f"git cannot list the files of {path} in the sandbox: {listing.output.strip()}")
    names = box.get(f"{_PLACE}/names", max_bytes=_LISTING_BYTES)
    paths = [name for name in names.decode("utf-8", "replace").split("\0") if name]
    return gather(paths, lambda wanted: _taken(box, path, wanted))


def facts_of_folder(folder: Path) -> RepositoryFacts:
    """Read the facts of a folder on this machine."""

    def read(paths: list[str]) -> dict[str, bytes]:
        files = {path: folder / path for path in paths if (folder / path).is_file()}
        small = {path: file for path, file in files.items() if file.stat().st_size <= MAX_FILE_BYTES}
        return {path: file.read_bytes() for path, file in small.items() if not file.is_symlink()}

    return gather(_walk(folder), read)


def _walk(folder: Path) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("node_modules", ".git", ".venv")]
        for name in names:
            yield (Path(parent) / name).relative_to(folder).as_posix()


_PLACE = "/tmp/repo-agent-facts"  # noqa: S108 - a folder of the sandbox, which has one user and ends with the task
# Names go by files: a command's output is cut at some length, and it goes into the task's log.
_LIST = f"""
rm -rf {_PLACE} && mkdir {_PLACE}
git ls-files -z --cached --others --exclude-standard --deduplicate -- "$@" > {_PLACE}/names
"""
_TAKE = f"""
cd {_PLACE}
while IFS= read -r -d '' name; do
    if [ -f "$1/$name" ] && [ ! -L "$1/$name" ] && [ "$(stat -c %s -- "$1/$name")" -le "$2" ]; then
        printf '%s\\0' "$name"
    fi
done < wanted > taken
tar -c -f facts.tar -C "$1" --null --no-recursion --verbatim-files-from -T taken
"""


def _taken(box: "Sandbox", path: str, wanted: list[str]) -> dict[str, bytes]:
    try:
        box.put({"wanted": "".join(f"{name}\0" for name in wanted).encode()}, _PLACE)
        made = box.exec(["bash", "-euc", _TAKE, "take", path, str(MAX_FILE_BYTES)], timeout_seconds=_LISTING_SECONDS)
        if not made.ok:
            return {}
        packed = box.get(f"{_PLACE}/facts.tar", max_bytes=2 * MAX_TEXT_BYTES)
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            files = {entry.name: archive.extractfile(entry) for entry in archive if entry.isreg()}
            return {name: file.read(MAX_FILE_BYTES + 1) for name, file in files.items() if file is not None}
    except (SandboxFileError, tarfile.TarError):
        return {}  # what it names counts all the same
