"""A set-up as a value: commands in order, what to try where one is refused, and what it all depends on."""

import posixpath
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

VENV = "/home/agent/venv"
"""Where the virtual environment is, outside the clone: it is never mistaken for a part of the repository."""
SHIMS = "/home/agent/.shims"
"""Programs that a set-up made available by name, such as the yarn that a repository asks for."""

TEST_ENVIRONMENT = {
    # Folders that were not made do not exist, and the image's own programs are found then.
    "PATH": f"{VENV}/bin:{SHIMS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "CI": "true",
}
"""What test commands find in their environment besides the sandbox's own."""


@dataclass(frozen=True)
class Tools:
    """What the image has: the version of its `python3` (None: it has none), and programs by name."""

    python: tuple[int, int] | None = (3, 11)
    programs: frozenset[str] = frozenset({"uv", "npm", "pnpm", "yarn", "corepack", "npx"})


@dataclass(frozen=True)
class Step:
    """One command of a set-up.

    `folder` is relative to the folder worked in. `otherwise` is tried where the command fails with an output that has
    one of the texts `refusals` (none: whatever it says). `optional`: what follows may go on without it. `remark` is
    told when it failed or was replaced. `anywhere`: it does the same in every folder.
    """

    argv: tuple[str, ...]
    shown: str = ""
    folder: str = ""
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    otherwise: "Step | None" = None
    refusals: tuple[str, ...] = ()
    optional: bool = False
    remark: str = ""
    anywhere: bool = False

    @property
    def display(self) -> str:
        """The command as a person would type it."""
        line = self.shown or shlex.join(self.argv)
        return f"cd {self.folder} && {line}" if self.folder else line

    def placed(self, folder: str) -> "Step":
        """Return the same command, and what is tried in its place, in a folder below or above."""
        place = posixpath.normpath(posixpath.join(folder, self.folder))
        otherwise = self.otherwise.placed(folder) if self.otherwise else None
        return replace(self, folder="" if place == "." else place, otherwise=otherwise)


@dataclass(frozen=True)
class SetupPlan:
    """The commands to run with network, in order; empty when there is nothing to install. `reason` tells why.

    `refusal` says why the repository cannot be made runnable at all. `whole_commit`: what the commands make depends on
    more than the files by which set-ups are known, so it is of use to this commit alone.
    """

    steps: tuple[Step, ...] = ()
    reason: str = ""
    refusal: str = ""
    whole_commit: bool = False

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """The arguments of each step."""
        return tuple(step.argv for step in self.steps)
