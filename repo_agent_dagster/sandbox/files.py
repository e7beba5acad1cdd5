"""Files into and out of a sandbox, as tar streams through commands inside: `docker cp` cannot reach a tmpfs."""

import io
import os
import re
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from repo_agent_dagster.sandbox.spec import SandboxFileError

_CHUNK = 1 << 18
_SPOOL_BYTES = 16 << 20
_TAR_OVERHEAD = 64 << 10
"""Headers and padding around the content: of one file; each further file adds some."""
_PER_FILE = 4096


@dataclass(frozen=True)
class RawResult:
    """What one of our own commands in a sandbox gave."""

    exit_code: int
    stdout: bytes
    stderr: str


Run = Callable[[Sequence[str], Iterator[bytes], int], RawResult]


def put(run: Run, source: Path | Mapping[str, bytes], target: str) -> None:
    """Unpack the source into the folder `target`. See `Sandbox.put`."""
    _require_absolute(target)
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        with tarfile.open(fileobj=spool, mode="w", format=tarfile.PAX_FORMAT) as archive:
            if isinstance(source, Path):
                _pack_path(archive, source)
            else:
                _pack_mapping(archive, source)
        spool.seek(0)
        unpack(run, spool, target)


def unpack(run: Run, archive: IO[bytes], target: str) -> None:
    """Unpack a tar into the folder `target`. See `Sandbox.unpack`."""
    _require_absolute(target)
    script = 'mkdir -p -- "$1" && exec /bin/tar -x -f - -C "$1" --no-same-owner'
    done = run(["/bin/sh", "-c", script, "put", target], iter(lambda: archive.read(_CHUNK), b""), 0)
    if done.exit_code != 0:
        full = re.search(r"No space left|Wrote only", done.stderr)
        hint = " (its disk is full; the limit is the spec's disk_mb, REPO_AGENT_SANDBOX_DISK_MB)" if full else ""
        raise SandboxFileError(f"cannot put files into {target} of the sandbox: {done.stderr.strip()}{hint}")


def get(run: Run, path: str, *, max_bytes: int) -> bytes:
    """Return one regular file's content. See `Sandbox.get`."""
    _require_absolute(path)
    name = PurePosixPath(path).name
    members = dict(
        _members(_pack_inside(run, path, max_bytes + _TAR_OVERHEAD, f"{path} is over {max_bytes} bytes"), path)
    )
    if set(members) != {name}:
        raise SandboxFileError(f"{path} in the sandbox is not a regular file")
    if len(members[name]) > max_bytes:
        raise SandboxFileError(f"{path} in the sandbox has {len(members[name])} bytes; at most {max_bytes} are taken")
    return members[name]


def get_tree(run: Run, path: str, *, max_bytes: int, max_files: int) -> dict[str, bytes]:
    """Return a folder's regular files by relative path. See `Sandbox.get_tree`."""
    _require_absolute(path)
    limit = max_bytes + _TAR_OVERHEAD + max_files * _PER_FILE
    packed = _pack_inside(run, path, limit, f"{path} is over {max_bytes} bytes")
    found: dict[str, bytes] = {}
    size = 0
    for name, content in _members(packed, path):
        relative = name.partition("/")[2]
        size += len(content)
        if not relative:
            raise SandboxFileError(f"{path} in the sandbox is not a folder")
        if size > max_bytes or len(found) >= max_files:
            raise SandboxFileError(f"{path} in the sandbox is over {max_bytes} bytes or {max_files} files")
        found[relative] = content
    return found


def _require_absolute(path: str) -> None:
    if not path.startswith("/") or ".." in PurePosixPath(path).parts or "\0" in path:
        raise SandboxFileError(f"{path!r} is no path for a sandbox: it must be absolute and without '..'")


def _require_inside(name: str) -> None:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise SandboxFileError(f"{name!r} leaves its folder; use a relative path without '..'")


def _pack_mapping(archive: tarfile.TarFile, source: Mapping[str, bytes]) -> None:
    for name, content in source.items():
        _require_inside(name)
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
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


def _pack_inside(run: Run, path: str, limit: int, too_large: str) -> bytes:
    script = 'set -o pipefail; /bin/tar -c -f - -C "$1" -- "$2" | head -c "$3"'
    place = PurePosixPath(path)
    done = run(["/bin/bash", "-c", script, "get", str(place.parent), place.name, str(limit + 1)], iter(()), limit + 1)
    if len(done.stdout) > limit:
        raise SandboxFileError(f"{too_large} in the sandbox; raise max_bytes or take less")
    if done.exit_code != 0:
        raise SandboxFileError(f"cannot take {path} from the sandbox: {done.stderr.strip()}")
    return done.stdout


def _members(packed: bytes, path: str) -> Iterator[tuple[str, bytes]]:
    # The tar was made inside, so it may say anything: nothing of it touches the host's file system.
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            for entry in archive:
                _require_inside(entry.name)
                if entry.isdir():
                    continue
                content = archive.extractfile(entry) if entry.isreg() and not entry.issparse() else None
                if content is None:
                    raise SandboxFileError(f"{entry.name} (taking {path} from the sandbox) is a link or a device")
                yield entry.name, content.read()
    except tarfile.TarError as error:
        raise SandboxFileError(f"what the sandbox gave for {path} is not a tar: {error}") from error
