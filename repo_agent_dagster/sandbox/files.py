"""Files into and out of a sandbox, as tar streams through commands inside: `docker cp` cannot reach a tmpfs."""

import io
import os
import re
import stat
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from repo_agent_dagster.sandbox.commands.own import RunOwn
from repo_agent_dagster.sandbox.spec import SandboxFileError
from repo_agent_dagster.sandbox.tars import read_tar, require_inside

_CHUNK = 1 << 18
_SPOOL_BYTES = 16 << 20
_TAR_OVERHEAD = 64 << 10
"""Headers and padding around the content: of one file; each further file adds some."""
_PER_FILE = 4096
_KILLED = 128 + 9


def put(run: RunOwn, source: Path | Mapping[str, bytes], target: str, *, mode: int = 0o644) -> None:
    """Unpack the source into the folder `target`; files of a mapping get that mode. See `Sandbox.put`."""
    require_absolute(target)
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        with tarfile.open(fileobj=spool, mode="w", format=tarfile.PAX_FORMAT) as archive:
            if isinstance(source, Path):
                _pack_path(archive, source)
            else:
                _pack_mapping(archive, source, mode)
        spool.seek(0)
        unpack(run, spool, target)


def unpack(run: RunOwn, archive: IO[bytes], target: str) -> None:
    """Unpack a tar into the folder `target`. See `Sandbox.unpack`."""
    require_absolute(target)
    script = 'mkdir -p -- "$1" && exec /bin/tar -x -f - -C "$1" --no-same-owner'
    code, said = run(["/bin/sh", "-c", script, "put", target], stdin=iter(lambda: archive.read(_CHUNK), b""))
    if code != 0:
        raise SandboxFileError(f"cannot put files into {target} of the sandbox: {why(code, said)}")


def get(run: RunOwn, path: str, *, max_bytes: int) -> bytes:
    """Return one regular file's content. See `Sandbox.get`."""
    require_absolute(path)
    name = PurePosixPath(path).name
    packed = _pack_inside(run, path, max_bytes + _TAR_OVERHEAD, max_bytes)
    found = read_tar(packed, max_bytes=max_bytes + _TAR_OVERHEAD, max_entries=2, of=path)
    if set(found) != {name}:
        raise SandboxFileError(f"{path} in the sandbox is not a regular file")
    if len(found[name]) > max_bytes:
        raise SandboxFileError(f"{path} in the sandbox has {len(found[name])} bytes; at most {max_bytes} are taken")
    return found[name]


def get_tree(run: RunOwn, path: str, *, max_bytes: int, max_files: int) -> dict[str, bytes]:
    """Return a folder's regular files by relative path. See `Sandbox.get_tree`."""
    require_absolute(path)
    packed = _pack_inside(run, path, max_bytes + _TAR_OVERHEAD + max_files * _PER_FILE, max_bytes)
    root = PurePosixPath(path).name
    found: dict[str, bytes] = {}
    # The folder itself is an entry too.
    for name, content in read_tar(packed, max_bytes=max_bytes, max_entries=max_files + 1, of=path).items():
        top, _, relative = name.partition("/")
        if top != root or not relative:
            raise SandboxFileError(f"{path} in the sandbox is not a folder")
        found[relative] = content
    return found


def why(code: int, said: str) -> str:
    """Return what a command of ours said, and which limit of the sandbox it met."""
    if re.search(r"No space left|Wrote only|Disk quota", said):
        return f"{said.strip()} (its disk is full; the limit is the spec's disk_mb, REPO_AGENT_SANDBOX_DISK_MB)"
    if code == _KILLED:
        return (
            f"{said.strip()} (killed; most likely its memory is full, and files count too: the limit is the spec's "
            "memory_mb, REPO_AGENT_SANDBOX_MEMORY_MB)"
        ).strip()
    return said.strip() or f"exit code {code}"


def require_absolute(path: str) -> None:
    """Refuse what is no plain absolute path.

    Raises:
        SandboxFileError: it is relative or goes up by '..'.
    """
    if not path.startswith("/") or ".." in PurePosixPath(path).parts or "\0" in path:
        raise SandboxFileError(f"{path!r} is no path for a sandbox: it must be absolute and without '..'")


def _pack_mapping(archive: tarfile.TarFile, source: Mapping[str, bytes], mode: int) -> None:
    for name, content in source.items():
        require_inside(name)
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), mode
        archive.addfile(entry, io.BytesIO(content))


def _pack_path(archive: tarfile.TarFile, source: Path) -> None:
    if not source.exists():
        raise SandboxFileError(f"{source} is missing, so it cannot be put into a sandbox")
    if not source.is_dir():
        archive.add(source.resolve(), arcname=source.name, recursive=False)
        return
    root = source.resolve()
    for folder, folders, names in os.walk(root):
        for name in sorted([*folders, *names]):
            path = Path(folder) / name
            if _may_go(path, root):
                archive.add(path, arcname=path.relative_to(root).as_posix(), recursive=False)


def _may_go(path: Path, root: Path) -> bool:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        link = path.readlink()
        return not link.is_absolute() and path.parent.joinpath(link).resolve().is_relative_to(root)
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _pack_inside(run: RunOwn, path: str, limit: int, max_bytes: int) -> bytes:
    script = 'set -o pipefail; /bin/tar -c -f - -C "$1" -- "$2" | head -c "$3"'
    place = PurePosixPath(path)
    packed = bytearray()
    code, said = run(
        ["/bin/bash", "-c", script, "get", str(place.parent), place.name, str(limit + 1)], take=packed.extend
    )
    if len(packed) > limit:
        raise SandboxFileError(f"{path} is over {max_bytes} bytes in the sandbox; raise max_bytes or take less")
    if code != 0:
        raise SandboxFileError(f"cannot take {path} from the sandbox: {why(code, said)}")
    return bytes(packed)
