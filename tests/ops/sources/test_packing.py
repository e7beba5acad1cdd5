"""Packed log files: unpacked in bounded pieces whatever is in them, and never silently short."""

import gzip
import io
import os
from collections.abc import Callable

import pytest
import zstandard

from repo_agent_dagster.ops.sources.packing import CHUNK_BYTES, is_preferred, plain_name, unpacked
from repo_agent_dagster.ops.sources.protocol import DamagedLogObject

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "a.jsonl": bytes,
    "a.jsonl.gz": gzip.compress,
    "a.jsonl.zst": zstandard.compress,
}
PACKED = ["a.jsonl.gz", "a.jsonl.zst"]


def read(name: str, packed: bytes) -> list[bytes]:
    return list(unpacked(io.BytesIO(packed), name, name))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.jsonl", "a.jsonl"),
        ("a.log.gz", "a.log"),
        ("x/a.ndjson.zst", "x/a.ndjson"),
        ("a.jsonl.gz.zst", None),
        ("a.json", None),
        ("a.gz", None),
        ("jsonl", None),
    ],
)
def test_log_files_are_told_by_their_names(name: str, plain: str | None) -> None:
    assert plain_name(name) == plain


def test_the_plain_form_of_a_file_is_read_before_the_packed_ones() -> None:
    assert is_preferred("a.jsonl", "a.jsonl.gz")
    assert is_preferred("a.jsonl.gz", "a.jsonl.zst")
    assert not is_preferred("a.jsonl.zst", "a.jsonl")


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("content", [b"", b"line\n", os.urandom(3 * CHUNK_BYTES + 17), b"x\n" * CHUNK_BYTES])
def test_the_bytes_come_back_in_pieces_of_bounded_size(name: str, content: bytes) -> None:
    chunks = read(name, PACKERS[name](content))

    assert b"".join(chunks) == content
    assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)


@pytest.mark.parametrize("name", PACKED)
def test_several_packed_files_one_after_the_other_are_one(name: str) -> None:
    pack = PACKERS[name]

    assert b"".join(read(name, pack(b"one\n") + pack(b"") + pack(b"two\n"))) == b"one\ntwo\n"


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("damage", ["cut short", "cut at once", "garbled", "not packed", "followed by rubbish"])
def test_damage_is_told_after_what_can_be_read(name: str, damage: str) -> None:
    packed = PACKERS[name](os.urandom(200_000))
    damaged = {
        "cut short": packed[:-20],
        "cut at once": packed[:3],
        "garbled": packed[:6] + bytes(byte ^ 0xFF for byte in packed[6:40]) + packed[40:],
        "not packed": b'{"a": 1}\n',
        "followed by rubbish": packed + b"rubbish that is no frame",
    }[damage]

    with pytest.raises(DamagedLogObject, match="damaged"):
        read(name, damaged)


def test_a_bomb_costs_no_memory() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(b"\0" * (256 << 20))
    assert len(bomb) < 20_000

    sizes = [len(chunk) for chunk in unpacked(io.BytesIO(bomb), "a.log.zst", "a.log.zst")]

    assert (sum(sizes), max(sizes)) == (256 << 20, CHUNK_BYTES)


def test_a_file_cannot_ask_for_a_window_of_a_gigabyte() -> None:
    greedy = zstandard.ZstdCompressionParameters(window_log=30, compression_level=1)
    packed = zstandard.ZstdCompressor(compression_params=greedy).compressobj().compress(os.urandom(600_000))

    with pytest.raises(DamagedLogObject, match="window over 128 MiB"):
        read("a.log.zst", packed)
