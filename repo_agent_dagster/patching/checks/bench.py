"""Where the commands of a check run: on the host, or in a sandbox. A bench shows them one state of the workspace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from repo_agent_dagster.patching.checks.checker import CheckUnusable, CheckWithoutVerdict, Overlay
from repo_agent_dagster.patching.checks.tree_index import Entry, TreeIndex

MAX_OUTPUT_BYTES = 32 << 20
"""A command of a check may print that much; one that prints more has no verdict."""

KILLED = range(129, 160)
"""Exit codes of what was ended by a signal, as shells tell it."""

QUIET = {"CI": "true", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "NPM_CONFIG_UPDATE_NOTIFIER": "false"}
"""What every command of a check finds in its environment."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What one command of a check gave."""

    exit_code: int
    stdout: str
    stderr: str = ""

    @property
    def output(self) -> str:
        """All that it printed: standard output, then standard error."""
        return f"{self.stdout}\n{self.stderr}" if self.stderr else self.stdout


@dataclass(frozen=True)
class Seen:
    """A state of the workspace: the tree on the disk with an overlay over it. `changed` are the batch's files."""

    root: Path
    tree: TreeIndex
    overlay: Overlay
    changed: tuple[str, ...] = ()

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where it is none.

        Raises:
            CheckWithoutVerdict: it was changed since the tree was read.
        """
        entry = self.tree.entries.get(path)
        if entry is None or entry.link is not None:
            return None
        if path in self.overlay:
            return self.overlay[path]
        try:
            content = (self.root / path).read_bytes()
        except OSError as error:
            raise CheckWithoutVerdict(f"{path} cannot be read: {error.strerror}; try again") from error
        if not entry.is_of(content):
            raise CheckWithoutVerdict(f"{path} was changed while it was being checked; try again")
        return content


class Bench(Protocol):
    """Runs commands on one state of the workspace. It is made for one check of one batch, and closed after."""

    @property
    def place(self) -> str:
        """The workspace's folder as commands see it; they run there."""

    @property
    def type_roots(self) -> str | None:
        """A folder of type packages for workspaces that have installed none."""

    def show(self, seen: Seen, *, afresh: bool) -> None:
        """Bring the files into that state; `afresh`: also those that a command may have changed."""

    def find(self, program: str) -> str | None:
        """Return what to call a program by, the project's own if it has one; None where there is none."""

    def run(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> Ran:
        """Run a command to its end; a failing one is no error.

        Raises:
            CheckUnusable: there is no such program.
            CheckWithoutVerdict: it took too long, printed too much, or was killed.
        """

    def lend(self, name: str, content: bytes) -> None:
        """Give commands a file in the folder for what is kept between runs."""

    def take_back(self, name: str) -> bytes | None:
        """Return such a file as they left it; None where it stays in its place."""

    def close(self) -> None:
        """End what runs, and remove what was made."""


def difference(shown: Mapping[str, Entry], wanted: Mapping[str, Entry]) -> tuple[list[str], list[str]]:
    """Return which paths have to be written and which removed to get from one tree to another."""
    written = [path for path, entry in wanted.items() if shown.get(path) != entry]
    return written, [path for path in shown if path not in wanted]


def required(bench: Bench, program: str, remedy: str) -> str:
    """Return what to call a program by.

    Raises:
        CheckUnusable: there is none.
    """
    found = bench.find(program)
    if found is None:
        raise CheckUnusable(f"{program} is not installed here; {remedy}")
    return found


def said_nothing(program: str, ran: Ran) -> CheckUnusable | CheckWithoutVerdict:
    """Return the fault of a program that ended without telling what it found."""
    kind = CheckWithoutVerdict if ran.exit_code in KILLED or ran.exit_code == 0 else CheckUnusable
    return kind(f"{program} ended with exit code {ran.exit_code} and no finding: {end_of(ran)}")


def end_of(ran: Ran) -> str:
    """Return the last of what a command printed."""
    return ran.output.strip()[-1000:] or "it printed nothing"
