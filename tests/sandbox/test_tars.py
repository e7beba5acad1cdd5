"""Tars from a sandbox may say anything: what is read is inside the limits, or refused; nothing else happens."""

import io
import tarfile
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.sandbox.spec import SandboxFileError
from repo_agent_dagster.sandbox.tars import read_tar

BLOCK = tarfile.BLOCKSIZE


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


def header(name: str = "tree/x", *, size: bytes = b"00000000000\0", kind: bytes = b"0") -> bytes:
    """One header block by hand, with a right checksum, whatever it says."""
    block = bytearray(tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT)[:BLOCK])
    block[124:136] = size.ljust(12, b"\0")[:12]
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(**records: str) -> bytes:
    body = b""
    for name, value in records.items():
        line = f" {name.replace('__', '.')}={value}\n".encode()
        size = len(line)
        while len(str(size)) + len(line) != size:
            size = len(str(size)) + len(line)
        body += str(size).encode() + line
    padded = body + b"\0" * (-len(body) % BLOCK)
    return header("PaxHeader", size=b"%011o\0" % len(body), kind=b"x") + padded


def read(data: bytes, *, max_bytes: int = 10_000, max_entries: int = 100) -> dict[str, bytes]:
    return read_tar(data, max_bytes=max_bytes, max_entries=max_entries, of="/workspace/tree")


NAMES = st.lists(
    st.text("aäb .-_\n", min_size=1, max_size=8).filter(lambda part: part not in (".", "..")), min_size=1, max_size=4
)


@given(st.dictionaries(NAMES.map("/".join), st.binary(max_size=1500), max_size=5))
def test_plain_files_come_out_as_they_went_in(files: dict[str, bytes]) -> None:
    assert read(packed(files)) == files


@settings(max_examples=300)
@given(data=st.data())
def test_a_damaged_tar_is_read_within_the_limits_or_refused(data: st.DataObject) -> None:
    tar = bytearray(packed({"tree/a": b"x" * 700, "tree/" + "long" * 30: b"y" * 100, "tree/ü": b""}))
    for _ in range(data.draw(st.integers(1, 6))):
        tar[data.draw(st.integers(0, len(tar) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(tar)))

    try:
        found = read(bytes(tar[: cut or None]))
    except SandboxFileError:
        return
    assert sum(map(len, found.values())) <= 10_000
    assert not any(name.startswith("/") or ".." in name.split("/") for name in found)


@given(st.binary(max_size=3000))
@example(b"")
@example(b"\0" * 1024)
def test_what_is_no_tar_at_all_gives_no_files(data: bytes) -> None:
    with suppress(SandboxFileError):
        assert read(data) == {}


LIES = {
    "size over the end": header(size=b"77777777777\0") + b"x" * BLOCK,
    "negative size": header(size=b"\xff" + b"\xff" * 10 + b"\x00") + b"\0" * 2 * BLOCK,
    "negative size in an extended header": pax(size="-1024") + header() + b"\0" * 2 * BLOCK,
    "sparse by an extended header": pax(GNU__sparse__map="0,1", GNU__sparse__size="99999999999")
    + header(size=b"00000000001\0")
    + b"x".ljust(BLOCK, b"\0"),
    "old sparse file": header(kind=b"S") + b"\0" * 2 * BLOCK,
    "name by an extended header leads out": pax(path="tree/../../etc/passwd") + header() + b"\0" * 2 * BLOCK,
    "absolute name by an extended header": pax(path="/etc/passwd") + header() + b"\0" * 2 * BLOCK,
    "extended headers without end": pax(comment="x") * 5000,
    "the same name twice": packed({"tree/x": b"1"})[: 2 * BLOCK] + packed({"tree/x": b"2"}),
    "the same name in other words": packed({"tree/x": b"1"})[: 2 * BLOCK] + packed({"tree/./x": b"2"}),
    "a pipe": header(kind=b"6") + b"\0" * 2 * BLOCK,
    "a block device": header(kind=b"4") + b"\0" * 2 * BLOCK,
    "a hard link": header(kind=b"1") + b"\0" * 2 * BLOCK,
    "a name that is no UTF-8": header("tree/\udcff") + b"\0" * 2 * BLOCK,
    "an empty name": header("") + b"\0" * 2 * BLOCK,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_refused(lie: bytes) -> None:
    with pytest.raises(SandboxFileError):
        read(lie)


def test_limits_hold_for_bytes_files_and_folders() -> None:
    assert len(read(packed({f"tree/{number}": b"x" for number in range(100)}))) == 100
    with pytest.raises(SandboxFileError, match="over 100 files and folders"):
        read(packed({f"tree/{number}": b"" for number in range(101)}))
    with pytest.raises(SandboxFileError, match="over 100 files and folders"):
        read(b"".join(header(f"tree/{number}", kind=b"5") for number in range(101)))
    with pytest.raises(SandboxFileError, match="over 10000 bytes"):
        read(packed({"tree/a": b"x" * 6000, "tree/b": b"x" * 6000}))
