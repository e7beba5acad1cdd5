"""Tars that came out of a sandbox, read in memory: they may say anything, and nothing of them touches the disk."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from repo_agent_dagster.sandbox.spec import SandboxFileError


class _Header(tarfile.TarInfo):
    """A header whose sizes may lie: a negative one would send the reader back to where it has been, for ever."""

    def _block(self, count: int) -> int:
        if count < 0:
            raise tarfile.HeaderError("a negative size")
        return int(super()._block(count))  # type: ignore[misc]  # the one place where every size passes


def read_tar(packed: bytes, *, max_bytes: int, max_entries: int, of: str) -> dict[str, bytes]:
    """Return the regular files of an uncompressed tar by their names; `of` says what it was asked for.

    Raises:
        SandboxFileError: it is no whole tar; it holds a link, a device, a pipe or a sparse file, a name that is
            absolute, leaves its folder, comes twice or is no UTF-8; or it is over the limits.
    """
    found: dict[str, bytes] = {}
    size = 0
    for number, (name, content) in enumerate(_entries(packed, of), start=1):
        if number > max_entries:
            raise SandboxFileError(f"{of} in the sandbox is over {max_entries} files and folders")
        if content is None:
            continue
        size += len(content)
        if size > max_bytes:
            raise SandboxFileError(f"{of} in the sandbox is over {max_bytes} bytes")
        if name in found:
            raise SandboxFileError(f"{name} (taking {of} from the sandbox) comes twice")
        found[name] = content
    return found


def require_inside(name: str) -> None:
    """Refuse a name that is not a relative path within its folder.

    Raises:
        SandboxFileError: it is empty, absolute, goes up by '..', or is not text.
    """
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise SandboxFileError(f"{name!r} leaves its folder; use a relative path without '..'")
    if not name.isascii() and name != name.encode(errors="replace").decode():
        raise SandboxFileError(f"{name!r} is not UTF-8; rename it or leave it out")


def _entries(packed: bytes, of: str) -> Iterator[tuple[str, bytes | None]]:
    """Yield canonical names with their content; a folder has none."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:", tarinfo=_Header) as archive:
            for entry in archive:
                require_inside(entry.name)
                name = str(PurePosixPath(entry.name))
                if entry.isdir():
                    yield name, None
                    continue
                content = archive.extractfile(entry) if entry.isreg() and not entry.issparse() else None
                if content is None:
                    raise SandboxFileError(f"{name} (taking {of} from the sandbox) is a link or a device")
                data = content.read()
                if len(data) != entry.size:
                    raise SandboxFileError(f"{name} (taking {of} from the sandbox) is not as long as its header says")
                yield name, data
    # A RecursionError is what endless extended headers give; the others come from numbers that are none.
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise SandboxFileError(f"what the sandbox gave for {of} is not a whole tar: {error}") from error
