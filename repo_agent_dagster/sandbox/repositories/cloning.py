"""A mirror's commit as a working clone in a sandbox, with what it needs and without a way back to the host."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.ready_clones import ready_clone
from repo_agent_dagster.sandbox.sandbox import Sandbox

WHOLE_TREE_BYTES = 256 << 20
"""Files up to this size are checked out whole; of more, only a sub-folder that was asked for and the way to it."""


@dataclass(frozen=True)
class Clone:
    """What was cloned: where to work, and whether files beside the sub-folder were left out for their size."""

    path: str
    sparse: bool


def clone_into(
    box: Sandbox,
    mirror: Mirror,
    commit: str,
    target: str = "/workspace/repo",
    *,
    depth: int | None = None,
    subfolder: str = "",
) -> Clone:
    """Make a repository at `target` in the sandbox, with the commit checked out on the branch `work`.

    The sandbox gets the objects (of the last `depth` commits, or of the whole history) and their tags, its own git
    configuration with hooks, transports and filters off, no remote and no credentials. Git LFS files stay pointers
    and submodules empty folders: `lfs` and `submodules` fill them. Of a large repository only `subfolder` and the
    files on the way to it are checked out; all of its objects are there.

    Raises:
        RepositoryError: the mirror lacks the commit, it has no such sub-folder, git inside refuses, or the target is
            not empty.
        RepositoryUnavailable: the mirror is damaged; a retry makes it anew.
        SandboxFileError: the objects do not fit into the sandbox.
    """
    sparse = False
    if subfolder:
        mirror.folder(commit, subfolder)
        sparse = mirror.folder(commit).bytes > WHOLE_TREE_BYTES
    place = PurePosixPath(target)
    part = str(place.with_name(f".{place.name}.part"))  # on the target's own file system
    with ready_clone(mirror, commit, depth=depth).open("rb") as archive:
        box.unpack(archive, part)
    done = box.exec(["bash", "-euc", _CHECK_OUT, "clone", part, target, subfolder if sparse else ""], cwd="/")
    if not done.ok:
        full = "No space left" in done.output or "unable to write" in done.output
        hint = " (its disk is full; the limit is REPO_AGENT_SANDBOX_DISK_MB)" if full else ""
        raise RepositoryError(
            f"cannot check {commit} of {mirror.url} out in the sandbox: {done.output[-2000:].strip()}{hint}"
        )
    return Clone(f"{target}/{subfolder}" if subfolder else target, sparse)


# `safe.directory`: commands may run as another user than the files' owner.
_CHECK_OUT = """
trap 'rm -rf -- "$1"' EXIT
if [ -e "$2" ] && [ -n "$(ls -A -- "$2")" ]; then echo "$2 is not empty" >&2; exit 1; fi
mkdir -p -- "$2"
mv -- "$1/.git" "$2/.git"
cd -- "$2"
git config --global --add safe.directory "$2"
if [ -n "$3" ]; then git sparse-checkout set --cone --end-of-options "$3"; fi
git reset --quiet --hard
"""
