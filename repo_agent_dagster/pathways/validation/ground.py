"""What every run of the tests starts from: the repository as its set-up left it, in a sandbox that nobody used yet.

What one run of the tests writes, installs or leaves running must not help or hurt the next one. So each gets a sandbox
of its own, of the same image, with the same files: they are taken out once, before any test runs.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.opening import Checkout
from repo_agent_dagster.pathways.validation.applying import CloneDamaged
from repo_agent_dagster.sandbox.spec import HOME, WORKSPACE

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

PREPARATION_SECONDS = 300
# What the set-up left running is ended (the shell that says so is spared), for no other sandbox would have it. Files
# that it changed are put back: with the patch the clone is reset, too. Installers' caches are of no use to tests,
# which have no network, and can be as large as all that was installed.
_SETTLE = (
    "kill -KILL -1 2>/dev/null; "
    'git -C "$1" -c core.hooksPath=/dev/null -c core.fsmonitor=false reset --quiet --hard "$2" || exit 1; '
    'rm -rf -- "$HOME/.cache/pip" "$HOME/.cache/uv" "$HOME/.cache/yarn" "$HOME/.npm/_cacache"'
)
_TEMPORARY = "/tmp"  # noqa: S108 - the sandbox's own


@dataclass(frozen=True)
class Ground:
    """The files that each run starts from, on the host in a file without a name, and a sandbox to make others like."""

    archive: IO[bytes]
    bytes: int
    model: "Sandbox"


def lay_ground(context: TaskContext, box: "Sandbox", checkout: Checkout) -> Ground:
    """Take the state of a sandbox in which no test ran yet; `box` stays as it is, for the first run.

    Raises:
        CloneDamaged: git cannot reset the clone to its commit.
        SandboxFileError: the files are more than a sandbox holds.
    """
    done = box.exec(
        ["bash", "-c", _SETTLE, "settle", checkout.root, checkout.commit], cwd="/", timeout_seconds=PREPARATION_SECONDS
    )
    if not done.ok:
        raise CloneDamaged(
            f"the set-up left {checkout.root} so that git cannot reset it to {checkout.commit}: {done.output.strip()}"
        )
    # Unlinked from the start: it goes with this process, however that ends.
    archive = tempfile.TemporaryFile(prefix="repo-agent-ground-")  # noqa: SIM115 - as long as the task
    size = box.snapshot([WORKSPACE, HOME, _TEMPORARY], archive, max_bytes=2 * context.sandboxes.spec.disk_mb << 20)
    return Ground(archive, size, box)


def open_fresh(context: TaskContext, ground: Ground) -> "Sandbox":
    """Open a sandbox with the ground's files, which the caller destroys (or else the context, with all the others)."""
    box = context.sandboxes.open_like(ground.model)
    ground.archive.seek(0)
    box.restore(ground.archive)
    return box


@contextmanager
def fresh(context: TaskContext, ground: Ground) -> Iterator["Sandbox"]:
    """Open a sandbox with the ground's files for a ``with`` block and destroy it after."""
    box = open_fresh(context, ground)
    try:
        yield box
    finally:
        box.destroy()
