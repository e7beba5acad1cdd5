"""What a repository says about itself: the few tracked files by which its tests and dependencies are recognised.

Read from the host's mirror, from a clone in a sandbox, or from a folder; nothing of the repository is run for it.
"""

import io
import json
import os
import posixpath
import re
import tarfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.repositories.history import Mirror
    from repo_agent_dagster.sandbox.sandbox import Sandbox

MAX_FILE_BYTES = 512 * 1024
MAX_TEXT_BYTES = 8 << 20
"""Of all texts together; the files nearest to the folder come first."""
MAX_FILES = 5_000

SETUP_FILES = (
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "*requirements*.txt",
    "*requirements*.in",
    "constraints*.txt",
    "Pipfile",
    "Pipfile.lock",
    "poetry.lock",
    "pdm.lock",
    "uv.lock",
    "uv.toml",
    "tox.ini",
    "noxfile.py",
    ".python-version",
    "runtime.txt",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "yarn.lock",
    ".yarnrc",
    ".yarnrc.yml",
    ".npmrc",
    ".nvmrc",
    ".repo-agent.yaml",
)
"""Names of the files that decide what is installed, in whatever folder."""
RUNNER_FILES = (
    "pytest.ini",
    ".pytest.ini",
    "conftest.py",
    "jest.config.*",
    "vitest.config.*",
    "vitest.workspace.*",
    "vite.config.*",
    "playwright.config.*",
    ".mocharc*",
    "go.mod",
    "Cargo.toml",
)
"""Names of the files that tell how tests are run, in whatever folder."""
PYTHON_TESTS = ("test_*.py", "*_test.py")
_LARGE = (
    "Pipfile.lock",
    "poetry.lock",
    "pdm.lock",
    "uv.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
)
_SOURCES = ("src/*.py", "src/*/__init__.py", "requirements/*.txt", "requirements/*.in")


def _names(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns))


_SETUP, _TESTS = _names(*SETUP_FILES), _names(*PYTHON_TESTS)
_LISTED = _names(*SETUP_FILES, *RUNNER_FILES)
_NEVER_READ = _names(*_LARGE)
_SOURCE = re.compile(r"(?:.*/)?(?:src/[^/]+\.py|src/[^/]+/__init__\.py|requirements/[^/]+\.(?:txt|in))")
_FOREIGN = re.compile(r"(?:.*/)?(?:node_modules|site-packages|\.venv|\.git)/.*")

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


def decides_setup(path: str) -> bool:
    """Whether a file can change what must be installed."""
    return bool(_SETUP.match(posixpath.basename(path)) or re.search(r"(?:^|/)requirements/[^/]+\.(?:txt|in)$", path))


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
    named = {_seen_from(folder, path): path for path in paths if not _FOREIGN.fullmatch(path)}
    ours = sorted((name for name in named if _is_listed(name)), key=lambda name: (name.count("/"), name))[:MAX_FILES]
    tests = (name for name in named if not name.startswith("../") and _TESTS.match(posixpath.basename(name)))
    wanted = [name for name in ours if _is_read(name)]
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


def _is_listed(name: str) -> bool:
    base = posixpath.basename(name)
    if name.startswith("../"):
        # Above the folder only what lies in its own ancestors; what lies beside it is other people's.
        return not name.replace("../", "").count("/") and bool(_LISTED.match(base))
    return bool(_LISTED.match(base) or _SOURCE.fullmatch(name))


def _is_read(name: str) -> bool:
    if name.endswith(".py") and posixpath.basename(name) not in ("setup.py", "noxfile.py"):
        return False
    return not _NEVER_READ.match(posixpath.basename(name))


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
    listing = box.exec(["bash", "-euc", _LIST, "list", *_GLOBS], cwd=path, timeout_seconds=_LISTING_SECONDS)
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


_GLOBS = tuple(
    f":(glob){glob}" for glob in (*(f"**/{name}" for name in (*SETUP_FILES, *RUNNER_FILES, *PYTHON_TESTS)), *_SOURCES)
)
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
