"""What a repository says about itself: the few tracked files by which its tests and dependencies are recognised.

Read through the sandbox; nothing of the repository is run for it.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

MAX_FILE_BYTES = 512 * 1024
LISTING_SECONDS = 60

_READ = ("pyproject.toml", "pytest.ini", ".pytest.ini", "setup.cfg", "setup.py", "tox.ini", "package.json")
_LISTED = (
    *_READ,
    "package-lock.json",
    "npm-shrinkwrap.json",
    "conftest.py",
    "requirements*.txt",
    "*requirements.txt",
    "requirements/*.txt",
    "src/*.py",
    "src/*/__init__.py",
)
_PYTHON_TESTS = ("**/test_*.py", "**/*_test.py")


class RepositoryUnreadable(PermanentFault):
    """The clone in the sandbox cannot be listed."""


@dataclass(frozen=True)
class RepositoryFacts:
    """The tracked files that matter here (paths from the repository's root) and the text of the small ones.

    `python_tests` are files named as pytest looks for them; there may be more than are listed.
    """

    files: frozenset[str]
    python_tests: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)

    def text(self, path: str) -> str:
        """Return a file's text, empty where the file is missing."""
        return self.texts.get(path, "")

    def pyproject(self) -> dict[str, Any]:
        """Return `pyproject.toml`, parsed; empty where it is missing or malformed (its own tools will say so)."""
        try:
            return tomllib.loads(self.text("pyproject.toml"))
        except tomllib.TOMLDecodeError:
            return {}

    def package_json(self) -> dict[str, Any]:
        """Return `package.json`, parsed; empty where it is missing, malformed or no object."""
        try:
            package = json.loads(self.text("package.json") or "{}")
        except (json.JSONDecodeError, RecursionError):
            return {}
        return package if isinstance(package, dict) else {}


def table(parent: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Return a nested table of TOML or JSON, empty where it is missing or something else."""
    found: Any = parent
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def read_facts(box: "Sandbox", path: str) -> RepositoryFacts:
    """Read the facts of the clone at `path` in the sandbox.

    Raises:
        RepositoryUnreadable: there is no readable git repository.
    """
    files = _tracked(box, path, _LISTED)
    texts = {}
    for name in sorted(files):
        if name in _READ or (name.endswith(".txt") and "requirements" in name):
            try:
                content = box.get(f"{path}/{name}", max_bytes=MAX_FILE_BYTES)
            except SandboxFileError:
                continue  # a symlink, or far too large to be what its name says: its name still counts
            texts[name] = content.decode("utf-8", "replace")
    return RepositoryFacts(files, _tracked(box, path, _PYTHON_TESTS), texts)


def facts_of_folder(folder: Path) -> RepositoryFacts:
    """Read the facts of a folder on this machine."""
    files = frozenset(
        path.relative_to(folder).as_posix() for glob in _LISTED for path in folder.glob(glob) if path.is_file()
    )
    texts = {}
    for name in sorted(files):
        path = folder / name
        is_read = name in _READ or (name.endswith(".txt") and "requirements" in name)
        if is_read and not path.is_symlink() and path.stat().st_size <= MAX_FILE_BYTES:
            texts[name] = path.read_text("utf-8", "replace")
    tests = frozenset(
        path.relative_to(folder).as_posix() for glob in _PYTHON_TESTS for path in folder.glob(glob) if path.is_file()
    )
    return RepositoryFacts(files, tests, texts)


def _tracked(box: "Sandbox", path: str, globs: tuple[str, ...]) -> frozenset[str]:
    pathspecs = [f":(glob){glob}" for glob in globs]
    command = ["git", "-c", "core.quotePath=false", "ls-files", "--", *pathspecs]
    listing = box.exec(command, cwd=path, timeout_seconds=LISTING_SECONDS)
    if not listing.ok:
        raise RepositoryUnreadable(f"git cannot list the files of {path} in the sandbox: {listing.output.strip()}")
    return frozenset(line for line in listing.stdout.splitlines() if line)
