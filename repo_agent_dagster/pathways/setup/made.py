"""What a set-up made in a sandbox: the folders of the home, and what the clone has beside its tracked files."""

from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.sandbox.spec import HOME

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

MAX_PATHS = 2_000
_SECONDS = 120
_PLACE = "/tmp/repo-agent-made"  # noqa: S108 - a folder of the sandbox, which has one user and ends with the task
_OPENED = (f"{HOME}/.cache", f"{HOME}/.local", f"{HOME}/.local/share")
# What other steps put there, and what package managers keep for themselves.
_LEFT_OUT = (
    *(f"{HOME}/{name}" for name in (".repo-agent", ".gitconfig", ".npm")),
    *(f"{HOME}/.cache/{name}" for name in ("uv", "pip", "yarn")),
    f"{HOME}/.local/share/pnpm",
)
# By a file: the names may be many, and no name of a repository belongs into a log.
_LOOK = f"""
rm -rf {_PLACE} && mkdir {_PLACE} && cd "$1"
git status --porcelain=v1 -z --ignored --untracked-files=normal > {_PLACE}/clone
shift
find "$@" -mindepth 1 -maxdepth 1 -print0 > {_PLACE}/home 2> {_PLACE}/errors || true
"""


class NotSelfContained(PermanentFault):
    """What a set-up made cannot be kept: it changed tracked files, or made too many."""


def made_paths(box: "Sandbox", root: str) -> list[str]:
    """Return the absolute paths of what a set-up made, for `Sandbox.snapshot`; `root` is the clone's.

    Raises:
        NotSelfContained: it changed files that belong to the commit, or there are over `MAX_PATHS` paths.
        SandboxFileError: the sandbox does not tell.
    """
    look = ["bash", "-euc", _LOOK, "look", root, HOME, *_OPENED]
    done = box.exec(look, cwd="/", timeout_seconds=_SECONDS)
    if not done.ok:
        raise NotSelfContained(f"git cannot tell what it made in the clone: {done.output.strip()[-500:]}")
    found = []
    for entry in _names(box.get(f"{_PLACE}/clone")):
        state, name = entry[:2], entry[3:]
        if state not in ("??", "!!"):
            raise NotSelfContained(f"it changed {name}, which belongs to the commit")
        found.append(f"{root}/{name.rstrip('/')}")
    found += [name for name in _names(box.get(f"{_PLACE}/home")) if name not in (*_OPENED, *_LEFT_OUT)]
    if len(found) > MAX_PATHS:
        raise NotSelfContained(f"it left {len(found)} files and folders, and at most {MAX_PATHS} are kept")
    return found


def _names(listing: bytes) -> list[str]:
    try:
        return [name for name in listing.decode().split("\0") if name]
    except UnicodeDecodeError as error:
        raise NotSelfContained("it made a file whose name is no UTF-8") from error
