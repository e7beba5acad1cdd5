"""Log files as they lie in folders and object stores: which names they have, and how packed ones are unpacked."""

import gzip
import zlib
from collections.abc import Iterator
from typing import IO

from repo_agent_dagster.ops.sources.protocol import DamagedLogObject

CHUNK_BYTES = 256 * 1024
LOG_SUFFIXES = (".jsonl", ".ndjson", ".log")
PACKED_SUFFIXES = (".gz", ".zst")
"""In the order in which one is taken where a file is there in several forms; the plain one comes first."""

_PACKED_BYTES = 1024
"""Taken at a time from a Zstandard file: four bytes of it can hold a block of 128 KiB, so that is 32 MiB at most."""

MAX_WINDOW_BYTES = 128 * 1024 * 1024
"""What a Zstandard frame may ask for; the `zstd` command's own limit. So no file can ask for more memory than that."""


def plain_name(name: str) -> str | None:
    """Return the name of a log file without the suffix of its packing; None if it is not named like a log file."""
    plain = next((name.removesuffix(suffix) for suffix in PACKED_SUFFIXES if name.endswith(suffix)), name)
    return plain if plain.endswith(LOG_SUFFIXES) else None


def is_preferred(name: str, other: str) -> bool:
    """Whether of two forms of one log file this is the one to read.

    While a file is being packed both are there, and only the plain one is sure to be whole.
    """
    return _rank(name) < _rank(other)


def _rank(name: str) -> int:
    return next((n for n, suffix in enumerate(PACKED_SUFFIXES, 1) if name.endswith(suffix)), 0)


def unpacked(stream: IO[bytes], name: str, where: str) -> Iterator[bytes]:
    """Yield the file's unpacked bytes, at most `CHUNK_BYTES` at a time; memory is bounded whatever is packed in it.

    `name` tells by its suffix how it is packed, `where` is for messages.

    Raises:
        DamagedLogObject: the packed bytes are damaged or end early; what was yielded is good.
        OSError: the stream cannot be read.
    """
    if name.endswith(".zst"):
        yield from _unpacked_zstandard(stream, where)
        return
    source: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=stream, mode="rb") if name.endswith(".gz") else stream
    while True:
        try:
            chunk = source.read(CHUNK_BYTES)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DamagedLogObject(f"{where} is damaged or cut short: {error}") from error
        if not chunk:
            return
        yield chunk


def _unpacked_zstandard(stream: IO[bytes], where: str) -> Iterator[bytes]:
    """Unpack frame by frame, so that a frame that is cut short is noticed: zstandard's stream reader passes over it."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    frame = None  # begun and not ended
    while packed := stream.read(_PACKED_BYTES):
        while packed:
            frame = frame or decompressor.decompressobj()
            try:
                chunk = frame.decompress(packed)
            except zstandard.ZstdError as error:
                raise DamagedLogObject(f"{where} is damaged, or packed with a window over 128 MiB: {error}") from error
            for start in range(0, len(chunk), CHUNK_BYTES):
                yield chunk[start : start + CHUNK_BYTES]
            packed, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise DamagedLogObject(f"{where} is damaged or cut short: its last frame does not end")
