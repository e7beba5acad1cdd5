"""What checks keep between runs, in the workspace's `.mission_control/checks/`: indexes, findings, build information.

All of it may be deleted at any time: it only spares work. No link is followed on the way, so that a checkout which
brings a link by that name has nothing written elsewhere.
"""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repo_agent_dagster.patching.disk.lock import open_mission_control
from repo_agent_dagster.patching.model import UnsafePath

CHECKS = "checks"


class CheckFolder:
    """The folder of one workspace; it is made when something is first written."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes; None where it cannot be read, for whatever reason."""
        try:
            with (
                self._opened() as folder,
                os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder), "rb") as file,
            ):
                return file.read()
        except OSError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Put a file in its place, whole.

        Raises:
            UnsafePath: the folder is no plain folder.
            OSError: the file system refuses it.
        """
        staged = f".{name}.{os.getpid()}.new"
        with self._opened() as folder:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(staged, flags, 0o644, dir_fd=folder), "wb") as file:
                file.write(content)
            os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)

    def keep_newest(self, prefix: str, count: int) -> None:
        """Remove the oldest files of that prefix, but for the newest `count`."""
        with self._opened() as folder:
            names = [name for name in os.listdir(folder) if name.startswith(prefix)]  # noqa: PTH208 - by its descriptor
            if len(names) <= count:
                return
            by_age = sorted(names, key=lambda name: os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns)
            for name in by_age[:-count]:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        above = open_mission_control(self._root)
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(CHECKS, dir_fd=above)
            try:
                folder = os.open(CHECKS, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
            except OSError as error:
                raise UnsafePath(
                    f".mission_control/{CHECKS} is not a plain folder ({error.strerror}); remove it"
                ) from None
        finally:
            os.close(above)
        try:
            yield folder
        finally:
            os.close(folder)
