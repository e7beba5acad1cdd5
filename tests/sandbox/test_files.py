"""Files into and out of a real sandbox; and tars that lie."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from repo_agent_dagster.sandbox import files
from repo_agent_dagster.sandbox.commands.own import RunOwn, Take, drop
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxFileError, SandboxSpec


@pytest.fixture(scope="module")
def box(sandbox_image: str) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec("test-files", network="none", deadline_seconds=300)) as made:
        yield made


@pytest.mark.docker
def test_a_mapping_becomes_files_of_the_user(box: Sandbox) -> None:
    box.put({"a/b.txt": b"hello", "empty": b""}, "/workspace/made/deep")

    assert box.get("/workspace/made/deep/a/b.txt") == b"hello"
    assert box.exec("find . -type f -printf '%u %m %p\n' | sort", cwd="/workspace/made/deep").stdout == (
        "agent 644 ./a/b.txt\nagent 644 ./empty\n"
    )


@pytest.mark.docker
def test_a_folder_keeps_modes_and_inner_links_and_loses_what_points_out(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "bin").mkdir(parents=True)
    (source / "bin" / "run").write_text("#!/bin/sh\necho ran\n")
    (source / "bin" / "run").chmod(0o755)
    (source / "inner").symlink_to("bin/run")
    (source / "outer").symlink_to("../secret")
    (source / "absolute").symlink_to("/etc/passwd")
    os.mkfifo(source / "pipe")
    (tmp_path / "secret").write_text("secret")

    box.put(source, "/workspace/copy")

    assert box.exec("ls -A; ./inner", cwd="/workspace/copy").stdout == "bin\ninner\nran\n"


@pytest.mark.docker
def test_a_single_file_lands_in_the_folder_under_its_name(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("1")

    box.put(tmp_path / "one.txt", "/workspace/x")

    assert box.get("/workspace/x/one.txt") == b"1"


@pytest.mark.docker
def test_binary_content_of_megabytes_survives_both_ways(box: Sandbox) -> None:
    content = os.urandom(20 << 20)

    box.put({"big": content}, "/workspace")

    assert box.get("/workspace/big", max_bytes=20 << 20) == content


@pytest.mark.docker
def test_what_does_not_fit_or_may_not_be_written_is_told(sandbox_image: str, task_id: str) -> None:
    with Sandbox.open(SandboxSpec(task_id, disk_mb=1)) as box:
        with pytest.raises(SandboxFileError, match="its disk is full"):
            box.put({"big": b"x" * (2 << 20)}, "/workspace")
        with pytest.raises(SandboxFileError, match="Read-only file system"):
            box.put({"x": b""}, "/opt/x")


@pytest.mark.docker
def test_only_regular_files_below_the_limit_are_taken(box: Sandbox) -> None:
    box.exec("mkdir d; echo x > d/f; ln -s /etc/passwd link; mkfifo pipe; head -c 2000 /dev/zero > big")

    assert box.get("/workspace/d/f") == b"x\n"
    for path, problem in (
        ("/workspace/link", "link or a device"),
        ("/workspace/pipe", "link or a device"),
        ("/workspace/d", "not a regular file"),
        ("/workspace/missing", "missing"),
    ):
        with pytest.raises(SandboxFileError, match=problem):
            box.get(path)
    with pytest.raises(SandboxFileError, match="2000 bytes; at most 1999"):
        box.get("/workspace/big", max_bytes=1999)
    assert len(box.get("/workspace/big", max_bytes=2000)) == 2000


@pytest.mark.docker
def test_a_file_far_over_the_limit_is_not_read_whole(box: Sandbox) -> None:
    box.exec("truncate -s 1500M sparse")

    with pytest.raises(SandboxFileError, match="over 1000 bytes"):
        box.get("/workspace/sparse", max_bytes=1000)


@pytest.mark.docker
def test_a_tree_is_taken_by_relative_path(box: Sandbox) -> None:
    box.put({"a.txt": b"a", "sub/deep/b.txt": b"b"}, "/workspace/tree")
    box.exec("mkdir tree/empty")

    assert box.get_tree("/workspace/tree") == {"a.txt": b"a", "sub/deep/b.txt": b"b"}
    with pytest.raises(SandboxFileError, match="2 files and folders"):
        box.get_tree("/workspace/tree", max_files=1)
    with pytest.raises(SandboxFileError, match="over 1 bytes"):
        box.get_tree("/workspace/tree", max_bytes=1)
    with pytest.raises(SandboxFileError, match="not a folder"):
        box.get_tree("/workspace/tree/a.txt")
    box.exec("ln -s a.txt tree/link")
    with pytest.raises(SandboxFileError, match="tree/link"):
        box.get_tree("/workspace/tree")


@pytest.mark.docker
def test_a_compressed_tar_is_refused_inside(box: Sandbox) -> None:
    with pytest.raises(SandboxFileError, match="compressed"):
        box.unpack(io.BytesIO(gzip.compress(tar_of(entry("x")))), "/workspace")


def answering(packed: bytes) -> RunOwn:
    def run(command: Sequence[str], *, stdin: Iterable[bytes] = (), take: Take = drop) -> tuple[int, str]:
        take(packed)
        return 0, ""

    return run


def tar_of(*entries: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry in entries:
            archive.addfile(entry, io.BytesIO(b"x" * entry.size))
    return buffer.getvalue()


def entry(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 1) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size if kind == tarfile.REGTYPE else 0
    return made


@pytest.mark.parametrize(
    ("lie", "problem"),
    [
        (lambda: tar_of(entry("/etc/passwd")), "leaves its folder"),
        (lambda: tar_of(entry("tree/../../x")), "leaves its folder"),
        (lambda: tar_of(entry("tree/l", kind=tarfile.SYMTYPE, link="/etc/shadow")), "link or a device"),
        (lambda: tar_of(entry("tree/h", kind=tarfile.LNKTYPE, link="/etc/shadow")), "link or a device"),
        (lambda: tar_of(entry("tree/d", kind=tarfile.CHRTYPE)), "link or a device"),
        (lambda: b"no tar at all" * 100, "not a whole tar"),
    ],
    ids=["absolute", "dotdot", "symlink", "hardlink", "device", "garbage"],
)
def test_a_tar_that_lies_is_refused(lie: Callable[[], bytes], problem: str) -> None:
    with pytest.raises(SandboxFileError, match=problem):
        files.get_tree(answering(lie()), "/workspace/tree", max_bytes=1000, max_files=10)


@pytest.mark.parametrize("path", ["relative", "/workspace/../etc", "", "/work\0space"])
def test_a_path_must_be_absolute_and_plain(path: str) -> None:
    with pytest.raises(SandboxFileError, match="must be absolute"):
        files.get(answering(b""), path, max_bytes=1)


@pytest.mark.parametrize("name", ["/abs", "../up", "a/../../b", ""])
def test_a_name_must_stay_in_its_folder(name: str) -> None:
    with pytest.raises(SandboxFileError, match="leaves its folder"):
        files.put(answering(b""), {name: b""}, "/workspace")


def test_a_missing_source_is_told(tmp_path: Path) -> None:
    with pytest.raises(SandboxFileError, match="is missing"):
        files.put(answering(b""), tmp_path / "nothing", "/workspace")
