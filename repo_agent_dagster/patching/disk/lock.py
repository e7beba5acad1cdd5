"""One batch at a time on a workspace: a lock on `.mission_control/lock` that ends with the process that holds it."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL
from repo_agent_dagster.patching.model import UnsafePath, WorkspaceLocked, WriteFailed

_POLL_SECONDS = 0.02
_PID_WIDTH = 20


@contextmanager
def locked(root: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold the workspace's lock, waiting for it at most that long; makes `.mission_control/` when it is missing.

    The lock is the kernel's (flock): it is released when its holder ends, however it ends, and never has to be broken.

    Raises:
        WorkspaceLocked: another holder did not finish in time; the message names its process.
        UnsafePath: `.mission_control` is not a plain folder.
        WriteFailed: it cannot be written.
    """
    descriptor = _opened(root)
    try:
        _acquire(descriptor, root, timeout_seconds)
        # A full disk may have no room for a number that only tells others who holds the lock.
        with contextlib.suppress(OSError):
            # Always as long: cutting the file first would cost more than all else here.
            os.pwrite(descriptor, f"{os.getpid():<{_PID_WIDTH}}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _opened(root: Path) -> int:
    """Return a descriptor of the lock's file."""
    try:
        folder = open_mission_control(root)
        try:
            return os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise WriteFailed(f"{root / MISSION_CONTROL} cannot be written ({error}); nothing was changed") from error


def open_mission_control(root: Path) -> int:
    """Return a descriptor of the workspace's `.mission_control/`; it is made when missing, and hides itself from git.

    Raises:
        UnsafePath: it is not a plain folder.
    """
    path = root / MISSION_CONTROL
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UnsafePath(f"{path} is not a plain folder ({error.strerror}); remove it") from None
    with contextlib.suppress(FileExistsError):
        os.mkdir("patches", dir_fd=folder)
    with contextlib.suppress(FileExistsError):
        ignore = os.open(".gitignore", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=folder)
        os.write(ignore, b"*\n")
        os.close(ignore)
    return folder


def _acquire(descriptor: int, root: Path, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
                raise WorkspaceLocked(
                    f"{root} is held by another batch (process {holder}) since more than {timeout_seconds:g} s; "
                    "try again when it has finished"
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return
