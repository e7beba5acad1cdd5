"""What test files say of the runner that they are for, by what they import; and which tools the image has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

Import = Literal["unittest", "pytest", "node:test", "package"]

_SECONDS = 60
_FILES_OF_A_KIND = 5000
_PYTHON, _SCRIPTS = ("*.py",), ("*.js", "*.mjs", "*.cjs", "*.ts", "*.mts", "*.cts")
_IMPORTS: Mapping[Import, tuple[str, tuple[str, ...]]] = {
    "unittest": (r"^[[:space:]]*(import|from)[[:space:]]+unittest\b", _PYTHON),
    "pytest": (r"^[[:space:]]*(import|from)[[:space:]]+pytest\b", _PYTHON),
    "node:test": (r"['\"]node:test['\"]", _SCRIPTS),
}
_TOOLS = ("go", "cargo")


@dataclass(frozen=True)
class Hints:
    """Files by what they import, relative to the folder worked in; `package` are ``__init__.py`` of test folders.

    `tools` are those of `go` and `cargo` that the sandbox has.
    """

    files: Mapping[Import, frozenset[str]] = field(default_factory=dict)
    tools: frozenset[str] = frozenset()

    def importing(self, kind: Import) -> frozenset[str]:
        """Return the files that import it."""
        return self.files.get(kind, frozenset())


def read_hints(box: "Sandbox", path: str) -> Hints:
    """Look through the tracked files of the clone at `path`, in the sandbox; what cannot be searched has no hints."""
    found: dict[Import, frozenset[str]] = {}
    for kind, (pattern, globs) in _IMPORTS.items():
        search = ["git", "-c", "core.quotePath=false", "grep", "-lIE", "-e", pattern, "--", *globs]
        found[kind] = _lines(box, path, search)
    found["package"] = _lines(
        box, path, ["git", "-c", "core.quotePath=false", "ls-files", ":(glob)**/test*/__init__.py"]
    )
    which = box.exec(
        ["bash", "-c", 'for tool; do command -v "$tool"; done', "which", *_TOOLS], timeout_seconds=_SECONDS
    )
    present = frozenset(line.rpartition("/")[2] for line in which.stdout.split())
    return Hints(found, present & frozenset(_TOOLS))


def _lines(box: "Sandbox", path: str, command: list[str]) -> frozenset[str]:
    listing = box.exec(command, cwd=path, timeout_seconds=_SECONDS)
    return frozenset(listing.stdout.splitlines()[:_FILES_OF_A_KIND])
