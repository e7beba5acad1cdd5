"""The real `patchctl`, killed by the kernel at a system call: what Python and SQLite do is under the same test."""

import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from repo_agent_dagster.patching import Workspace, recover_workspace
from repo_agent_dagster.store.engine import open_store, read_transaction
from repo_agent_dagster.store.patch_events import StoreCustody, activity, verify_chain
from tests.patching.trees import fill, snapshot

pytestmark = pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced

PATCHCTL = [sys.executable, "-c", "from repo_agent_dagster.cli.patchctl import app; app()"]
BEFORE = {"f": b"1\n2\n", "d/g": b"g\n", "h": b"h\n"}
BATCH = """{"patches": [
    {"op": "append", "file": "f", "block": "3"},
    {"op": "delete-file", "file": "d/g"},
    {"op": "move-file", "file": "h", "to": "e/h"},
    {"op": "create-file", "file": "n", "content": "n\\n"}
]}"""
AFTER = {"f": b"1\n2\n3\n", "e/h": b"h\n", "n": b"n\n"}
WHICH = os.environ.get("PATCH_PROOF_SYSCALLS", "some")
"""`all` for every call up to the last one."""

# How many of each are made, about: the store's files are among them.
CALLS = {
    "rename,renameat": 5,
    "linkat": 5,
    "unlink,unlinkat": 12,
    "mkdirat": 6,
    "fdatasync,fsync,syncfs": 10,
    "pwrite64": 75,
    "write": 12,
}


def numbers(most: int) -> list[int]:
    return list(range(1, most + 1)) if WHICH == "all" else sorted({1, most // 3 + 1, most // 2 + 1, most - 1})


@pytest.mark.parametrize(
    ("calls", "number"), [(calls, number) for calls, most in CALLS.items() for number in numbers(most)]
)
def test_killed_at_a_system_call_the_next_use_finds_all_or_nothing(
    root: Path, upgraded_file: Path, tmp_path: Path, now: datetime, calls: str, number: int
) -> None:
    fill(root, BEFORE)
    shutil.copy(upgraded_file, tmp_path / "killed.db")
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    arguments = ["apply", "--batch", "-", "--workspace", str(root), "--database-url", url]
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}"]
    done = subprocess.run(
        [*strace, "-e", f"inject={calls}:signal=SIGKILL:when={number}", *PATCHCTL, *arguments],
        input=BATCH.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode in ({-9, 137} if number < CALLS[calls] - 1 else {0, -9, 137}), done.stderr.decode()

    engine = open_store(url)
    recover_workspace(Workspace(root), custody=StoreCustody(engine), now=now)

    with read_transaction(engine) as conn:
        assert verify_chain(conn, str(root)).ok
        last = {one.last_event for one in activity(conn)}
    engine.dispose()
    present = {name: content for name, (content, _) in snapshot(root).items()}
    assert present == (AFTER if last == {"patch_applied"} else BEFORE)
    assert last in ({"patch_applied"}, {"patch_failed"}, {"patch_requested"}, set())
    assert not list(root.rglob(".mission-*"))
