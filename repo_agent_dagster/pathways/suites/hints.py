"""What test files say of the runner that they are for, by what they import; and which tools the image has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Literal

from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

Import = Literal["unittest", "pytest", "node:test", "package"]

_SECONDS = 60
_MAX_BYTES = 4 << 20
_TOOLS = ("go", "cargo")
_KINDS: Mapping[str, Import] = {
    "unittest": "unittest",
    "pytest": "pytest",
    "node:test": "node:test",
    "package": "package",
}
# One line for each finding, "kind path"; in a file, since a command's output is cut at some length.
_SEARCH = r"""
search() { git -c core.quotePath=false grep -lIE -e "$2" -- "${@:3}" | sed "s/^/$1 /"; }
{
    search unittest '^[[:space:]]*(import|from)[[:space:]]+unittest\b' '*.py'
    search pytest '^[[:space:]]*(import|from)[[:space:]]+pytest\b' '*.py'
    search node:test "['\"]node:test['\"]" '*.js' '*.mjs' '*.cjs' '*.ts' '*.mts' '*.cts'
    git -c core.quotePath=false ls-files ':(glob)**/test*/__init__.py' | sed 's/^/package /'
    for tool in "${@:2}"; do command -v "$tool" > /dev/null && echo "tool $tool"; done
} > "$1"
"""


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
    place = f"/tmp/{token_hex(16)}"  # noqa: S108 - a file of the sandbox, which has one user and ends with the task
    box.exec(["bash", "-c", _SEARCH, "hints", place, *_TOOLS], cwd=path, timeout_seconds=_SECONDS)
    try:
        lines = box.get(place, max_bytes=_MAX_BYTES).decode("utf-8", "replace").splitlines()
    except SandboxFileError:
        return Hints()
    return hints_of(lines)


def hints_of(lines: Iterable[str]) -> Hints:
    """Return the hints that lines such as ``pytest tests/test_a.py`` and ``tool go`` give. Pure."""
    found: dict[Import, set[str]] = {}
    tools: set[str] = set()
    for line in lines:
        kind, _, name = line.partition(" ")
        if kind == "tool":
            tools |= {name} & set(_TOOLS)
        elif kind in _KINDS:
            found.setdefault(_KINDS[kind], set()).add(name)
    return Hints({kind: frozenset(names) for kind, names in found.items()}, frozenset(tools))
