"""What a set-up made, taken out of one sandbox and brought back in another."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxFileError, SandboxSpec

pytestmark = pytest.mark.docker

MAKE = """
mkdir -p venv/bin venv/lib 'venv/odd -name'
printf '#!/bin/sh\\necho ran\\n' > venv/bin/run; chmod 755 venv/bin/run
ln venv/bin/run venv/bin/same; ln -s run venv/bin/link; ln -s /usr/bin/python3 venv/bin/python
echo data > venv/lib/file; chmod 400 venv/lib/file; touch -d '2001-02-03 04:05:06' venv/lib/file
echo x > $'venv/odd -name/\\xff\\nname'; chmod 500 venv/lib
mkdir -p ~/.cache; echo other > ~/.cache/other; echo kept > beside
"""
SEEN = "find venv ~/.cache -printf '%p %y %m %s %n %t %l\\n' | sort; venv/bin/link; test venv/bin/run -ef venv/bin/same"


@pytest.fixture(scope="module")
def made(sandbox_image: str) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec("test-snapshots", network="none", deadline_seconds=120)) as box:
        assert box.exec(MAKE).ok
        yield box


@pytest.fixture(scope="module")
def other(sandbox_image: str) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec("test-snapshots", network="none", deadline_seconds=120, disk_mb=8)) as box:
        yield box


def test_another_sandbox_gets_the_same_files_at_the_same_places(made: Sandbox, other: Sandbox, tmp_path: Path) -> None:
    with (tmp_path / "kept.tar").open("w+b") as archive:
        size = made.snapshot(["/workspace/venv", "/home/agent/.cache"], archive)
        archive.seek(0)
        other.restore(archive)

    seen = made.exec(SEEN)
    assert seen.ok, seen.output
    assert other.exec(SEEN).output == seen.output
    assert not other.exec("test -e beside").ok
    assert (tmp_path / "kept.tar").stat().st_size == size


@pytest.mark.parametrize(
    ("paths", "problem"),
    [
        (["/workspace/missing"], "missing"),
        (["workspace"], "must be absolute"),
        (["/workspace/../etc"], "without '..'"),
        (["/"], "whole sandbox"),
        ([], "of nothing"),
    ],
)
def test_what_cannot_be_kept_is_told(made: Sandbox, paths: list[str], problem: str) -> None:
    with pytest.raises(SandboxFileError, match=problem):
        made.snapshot(paths, io.BytesIO())


def test_a_snapshot_ends_at_its_limit(made: Sandbox) -> None:
    made.exec("truncate -s 1G huge")
    archive = io.BytesIO()

    with pytest.raises(SandboxFileError, match="over 1000000 bytes"):
        made.snapshot(["/workspace/huge"], archive, max_bytes=1_000_000)

    assert len(archive.getvalue()) <= 1_000_001


def test_what_is_no_snapshot_or_does_not_fit_is_told(made: Sandbox, other: Sandbox) -> None:
    made.exec("head -c 12M /dev/zero > big")
    archive = io.BytesIO()
    made.snapshot(["/workspace/big"], archive)
    archive.seek(0)

    with pytest.raises(SandboxFileError, match="disk is full"):
        other.restore(archive)
    with pytest.raises(SandboxFileError, match="cannot restore"):
        other.restore(io.BytesIO(archive.getvalue()[:100_000]))
