"""One file that holds many contents, written once, whole, and read by digest.

The format, all numbers big-endian:

    8 bytes     ``RADBASE1``
    8 bytes     n, the length of the index
    n bytes     the index: JSON, ``[["<SHA-256, hex>", <bytes>], …]`` in the order of the digests
    32 bytes    SHA-256 of all before it, which is also the file's name: ``<hex>.bases``
    the rest    the contents, one after the other, in the order of the index

So a pack of the same contents has the same name and bytes. The head is proven by its digest when the pack is opened, a
content by its own when it is read: neither costs a pass over what is not asked for. Contents are not compressed: for
10 MB that would take ten times the CPU of all else here.
"""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

SUFFIX = ".bases"
UNFINISHED = "unfinished.tmp"
_MAGIC = b"RADBASE1"
_FAMILY = _MAGIC[:-1]
_LENGTH = 8
_FIXED = len(_MAGIC) + _LENGTH
_DIGEST = 32
_WRITE_BYTES = 1 << 20


class DamagedPack(Exception):
    """A pack is not what was written; the message says in which way. `is_foreign`: another version may read it."""

    def __init__(self, message: str, *, is_foreign: bool = False) -> None:
        super().__init__(message)
        self.is_foreign = is_foreign


@dataclass(frozen=True)
class Pack:
    """A pack whose head is proven: where each content is in it, as (offset, size) in bytes."""

    path: Path
    places: Mapping[str, tuple[int, int]]

    @cached_property
    def content_bytes(self) -> int:
        """The size of all contents together."""
        return sum(size for _, size in self.places.values())

    def read(self, digests: list[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the contents of these digests as they are in the file: not proven.

        Raises:
            FileNotFoundError: the pack was removed meanwhile.
        """
        descriptor = _opened(self.path)
        try:
            for digest in digests:
                offset, size = self.places[digest]
                yield digest, _read_at(descriptor, offset, size)
        finally:
            os.close(descriptor)


def open_pack(path: Path) -> Pack:
    """Return a pack with its head proven.

    Raises:
        DamagedPack: it was cut, altered, or written in another format.
        FileNotFoundError: there is none.
    """
    descriptor = _opened(path)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise DamagedPack("is no regular file", is_foreign=True)
        fixed = _read_at(descriptor, 0, _FIXED)
        if len(fixed) == _FIXED and not fixed.startswith(_MAGIC):
            is_foreign = fixed.startswith(_FAMILY)
            raise DamagedPack(
                "is of another version" if is_foreign else "does not begin as a pack", is_foreign=is_foreign
            )
        length = int.from_bytes(fixed[len(_MAGIC) :], "big")
        if len(fixed) < _FIXED or _FIXED + length + _DIGEST > info.st_size:
            raise DamagedPack(f"was cut: it has {info.st_size} bytes")
        index = _read_at(descriptor, _FIXED, length)
        digest = sha256(fixed + index).digest()
        if _read_at(descriptor, _FIXED + length, _DIGEST) != digest or path.name != digest.hex() + SUFFIX:
            raise DamagedPack("was altered: its head does not have its digest")
    finally:
        os.close(descriptor)
    places: dict[str, tuple[int, int]] = {}
    offset = _FIXED + length + _DIGEST
    for content, size in json.loads(index):
        places[content] = (offset, size)
        offset += size
    if offset != info.st_size:
        raise DamagedPack(f"was cut or grew: it has {info.st_size} bytes, not {offset}")
    return Pack(path, places)


def write_pack(folder: Path, contents: Mapping[str, bytes]) -> Path:
    """Write contents, given by their digests, as one pack that survives a power cut; return its path.

    One writer at a time: the caller holds the folder's lock. Cut short, it leaves at most the unfinished file, which
    the next one writes anew.
    """
    ordered = sorted(contents)
    index = json.dumps([[digest, len(contents[digest])] for digest in ordered], separators=(",", ":")).encode()
    head = _MAGIC + len(index).to_bytes(_LENGTH, "big") + index
    digest = sha256(head).digest()
    path, unfinished = folder / (digest.hex() + SUFFIX), folder / UNFINISHED
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        for part in _gathered([head, digest, *(contents[digest] for digest in ordered)]):
            _write(descriptor, part)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(unfinished, path)  # noqa: PTH104 - with the other calls of `os`, so that tests can fail each
    sync_folder(folder)
    return path


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _gathered(parts: list[bytes]) -> Iterator[bytes]:
    """Yield the parts joined into larger ones: a call for each of thousands of small files would cost more."""
    gathered: list[bytes] = []
    size = 0
    for part in parts:
        if gathered and size + len(part) > _WRITE_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
        gathered.append(part)
        size += len(part)
    yield b"".join(gathered)


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _opened(path: Path) -> int:
    # O_NONBLOCK: opening a pipe of that name must not wait for its writer.
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _read_at(descriptor: int, offset: int, size: int) -> bytes:
    """Return up to `size` bytes: fewer where the file ends."""
    content = os.pread(descriptor, size, offset)
    while content and len(content) < size:
        more = os.pread(descriptor, size - len(content), offset + len(content))
        if not more:
            break
        content += more
    return content
