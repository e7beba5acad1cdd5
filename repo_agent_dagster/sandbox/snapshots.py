"""What a set-up made, taken out of a sandbox as one tar and brought back in another; the host only carries it."""

from collections.abc import Sequence
from typing import IO

from repo_agent_dagster.sandbox.commands.own import RunOwn
from repo_agent_dagster.sandbox.files import require_absolute, why
from repo_agent_dagster.sandbox.spec import SandboxFileError

_CHUNK = 1 << 20
# The posix format alone keeps times below a second; without its access and change times the headers stay small.
_SNAPSHOT = (
    "set -o pipefail; limit=$1; shift; "
    '/bin/tar -c --format=posix --pax-option=delete=atime,delete=ctime -b 256 -f - -C / -- "$@" | head -c "$limit"'
)
_RESTORE = ("/bin/tar", "-x", "-p", "-b", "256", "-f", "-", "-C", "/", "--no-same-owner")


def snapshot(run: RunOwn, paths: Sequence[str], to: IO[bytes], *, max_bytes: int) -> int:
    """Write files and folders to `to` as one tar. See `Sandbox.snapshot`."""
    for path in paths:
        require_absolute(path)
        if not path.strip("/"):
            raise SandboxFileError("a snapshot is of some folders, not of the whole sandbox")
    if not paths:
        raise SandboxFileError("a snapshot of nothing was asked for; name the files or folders to keep")
    written = 0

    def take(data: bytes) -> None:
        nonlocal written
        written += to.write(data)

    relative = [path.strip("/") for path in paths]
    code, said = run(["/bin/bash", "-c", _SNAPSHOT, "snapshot", str(max_bytes + 1), *relative], take=take)
    if written > max_bytes:
        raise SandboxFileError(f"a snapshot of {', '.join(paths)} is over {max_bytes} bytes; take less")
    if code != 0:
        raise SandboxFileError(f"cannot take a snapshot of {', '.join(paths)}: {why(code, said)}")
    return written


def restore(run: RunOwn, archive: IO[bytes]) -> None:
    """Unpack what `snapshot` wrote at the places where it came from. See `Sandbox.restore`."""
    code, said = run(_RESTORE, stdin=iter(lambda: archive.read(_CHUNK), b""))
    if code != 0:
        raise SandboxFileError(f"cannot restore a snapshot: {why(code, said)}")
