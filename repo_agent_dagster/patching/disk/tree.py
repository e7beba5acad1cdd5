"""A workspace's files, reached through directory descriptors only: the engine's one seam to the file system.

No call here follows a symbolic link below the root: every folder is opened relative to its parent with ``O_NOFOLLOW``,
so a link that is swapped in while a batch is applied leads nowhere. What is no regular file is refused.
"""

import contextlib
import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from repo_agent_dagster.patching.diffs.writing import FileState
from repo_agent_dagster.patching.model import InvalidPatch, UnsafePath

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_FILE_BYTES = 256 * 1024 * 1024
"""Larger files are refused: several times their size is held in memory."""

_OPEN_FOLDERS = 128
_SYNC_ONE_BY_ONE = 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """The folder at `root`; paths are canonical (see `paths`). Close it, or use it in a ``with``."""

    def __init__(self, root: Path) -> None:
        try:
            self._root = os.open(root, _FOLDER)
        except OSError as error:
            raise InvalidPatch(
                f"workspace {root} cannot be opened: {error.strerror}; give an existing folder"
            ) from None
        self._folders: OrderedDict[str, int] = OrderedDict()
        self._seen: dict[str, os.stat_result] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every descriptor."""
        self._forget_folders()
        os.close(self._root)

    def read(self, path: str) -> FileState | None:
        """Return a file's bytes and permissions, or None when there is none.

        Raises:
            UnsafePath: a link is on the way, or it is no regular file.
            InvalidPatch: it is larger than `MAX_FILE_BYTES`.
        """
        folder, name = self._locate(path)
        if folder is None:
            return None
        try:
            # O_NONBLOCK: opening a pipe must not wait for its writer.
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise UnsafePath(
                    f"{path} is {_kind(os.lstat(name, dir_fd=folder).st_mode)}, not a regular file"
                ) from None
            raise
        try:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode):
                raise UnsafePath(f"{path} is {_kind(info.st_mode)}, not a regular file")
            if info.st_size > MAX_FILE_BYTES:
                raise InvalidPatch(f"{path} has {info.st_size} bytes; files over {MAX_FILE_BYTES} are not patched")
            content = os.read(descriptor, info.st_size + 1)
            while part := os.read(descriptor, 1024 * 1024):
                content += part
        finally:
            os.close(descriptor)
        self._seen[path] = info
        return FileState(content, stat.S_IMODE(info.st_mode))

    def is_as_read(self, path: str) -> bool:
        """Whether a file that was read is still that file: the same inode, unwritten since."""
        read, now = self._seen[path], self.status(path)
        return now is not None and all(
            getattr(read, field) == getattr(now, field) for field in ("st_dev", "st_ino", "st_size", "st_mtime_ns")
        )

    def is_same_file(self, path: str, other: str) -> bool:
        """Whether both paths exist and are names of one file."""
        one, two = self.status(path), self.status(other)
        return one is not None and two is not None and os.path.samestat(one, two)

    def status(self, path: str) -> os.stat_result | None:
        """Return what `lstat` tells of a path, or None when nothing is there."""
        folder, name = self._locate(path)
        if folder is None:
            return None
        try:
            return os.lstat(name, dir_fd=folder)
        except FileNotFoundError:
            return None

    def create(self, path: str, content: bytes, mode: int, *, exact: bool = False, like: str | None = None) -> None:
        """Write a new file; unless it is to be `exact`, `mode` is subject to the umask, as for any new file.

        `like` names a file that was read and that this one takes the place of: it gets its owner, where we are root
        and may give it.
        """
        folder, name = self._existing(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, mode, dir_fd=folder)
        try:
            written = os.write(descriptor, content)
            while written < len(content):
                written += os.write(descriptor, memoryview(content)[written:])
            replaced = self._seen.get(like) if like is not None else None
            if replaced is not None and os.geteuid() == 0 and (replaced.st_uid, replaced.st_gid) != (0, os.getegid()):
                os.fchown(descriptor, replaced.st_uid, replaced.st_gid)
            if exact:
                os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)

    def link(self, source: str, target: str) -> None:
        """Give a file a second name; fails when the name is taken."""
        source_folder, source_name = self._existing(source)
        target_folder, target_name = self._existing(target)
        os.link(source_name, target_name, src_dir_fd=source_folder, dst_dir_fd=target_folder, follow_symlinks=False)

    def rename(self, source: str, target: str) -> None:
        """Put a file in the place of another, atomically."""
        source_folder, source_name = self._existing(source)
        target_folder, target_name = self._existing(target)
        os.rename(source_name, target_name, src_dir_fd=source_folder, dst_dir_fd=target_folder)

    def remove(self, path: str) -> None:
        """Remove a file; it may be gone already."""
        folder, name = self._locate(path)
        if folder is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, in no order; none when there is no such folder."""
        opened = self._folder(folder)
        return [] if opened is None else os.listdir(opened)  # noqa: PTH208 - a path knows no descriptor

    def make_folder(self, path: str) -> None:
        """Make one folder in an existing one; it may be there already."""
        folder, name = self._existing(path)
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)

    def remove_folder(self, path: str) -> bool:
        """Remove a folder if it is empty; tell whether it is gone."""
        folder, name = self._locate(path)
        if folder is None:
            return True
        self._forget_folders()  # one of them may be a descriptor of what is removed
        folder, name = self._existing(path)
        try:
            os.rmdir(name, dir_fd=folder)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise
        return True

    def missing_folders(self, *paths: str) -> list[str]:
        """Return the folders that have to be made before files of these paths can be, each after the one it is in."""
        missing: dict[str, None] = {}
        looked_for = {""}

        def look_for(folder: str) -> None:
            if folder in looked_for:
                return
            looked_for.add(folder)
            parent = folder.rpartition("/")[0]
            look_for(parent)
            if parent in missing or self._folder(folder) is None:
                missing[folder] = None

        for path in paths:
            look_for(path.rpartition("/")[0])
        return list(missing)

    def sync(self, files: Iterable[str], folders: Iterable[str]) -> None:
        """Return when these files' bytes and these folders' entries are on the disk."""
        files, folders = list(files), list(folders)
        syncfs = _syncfs()
        if syncfs is not None and len(files) + len(folders) > _SYNC_ONE_BY_ONE:
            # One flush of the file system costs less than one per file, and takes the folders with it.
            syncfs(self._root)
            return
        for path in files:
            folder, name = self._existing(path)
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        for path in folders:
            opened = self._folder(path)
            if opened is not None:
                os.fsync(opened)

    def _existing(self, path: str) -> tuple[int, str]:
        folder, name = self._locate(path)
        if folder is None:
            raise FileNotFoundError(errno.ENOENT, "the folder is gone", path)
        return folder, name

    def _locate(self, path: str) -> tuple[int | None, str]:
        """Return the descriptor of the path's folder (None: there is none) and the name in it."""
        parent, _, name = path.rpartition("/")
        return self._folder(parent), name

    def _folder(self, path: str) -> int | None:
        if not path:
            return self._root
        known = self._folders.get(path)
        if known is not None:
            self._folders.move_to_end(path)
            return known
        parent, _, name = path.rpartition("/")
        above = self._folder(parent)
        if above is None:
            return None
        try:
            descriptor = os.open(name, _FOLDER, dir_fd=above)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                kind = _kind(os.lstat(name, dir_fd=above).st_mode)
                raise UnsafePath(f"{path} is {kind}, not a folder; patches do not go through it") from None
            raise
        self._folders[path] = descriptor
        if len(self._folders) > _OPEN_FOLDERS:
            _, oldest = self._folders.popitem(last=False)
            os.close(oldest)
        return descriptor

    def _forget_folders(self) -> None:
        while self._folders:
            os.close(self._folders.popitem()[1])


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFDIR: "a folder",
        stat.S_IFREG: "a file",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "special")


@cache
def _syncfs() -> "Callable[[int], None] | None":
    """Linux's syncfs(2), which Python does not offer; None where the C library has none."""
    import ctypes

    library: Any = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "syncfs"):
        return None

    def syncfs(descriptor: int) -> None:
        if library.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    return syncfs
