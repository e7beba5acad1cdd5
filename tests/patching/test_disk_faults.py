"""Disks that are full, cannot be written or fail; files that change meanwhile; processes that meet: all or nothing."""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.faults import RepoAgentError
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import PatchConflict, Workspace, WriteFailed, apply_batch
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.patching.big_batch import World, applying, failing, quick_folder, reverting
from tests.patching.conftest import Apply
from tests.patching.file_system_calls import Calls, Point, chosen, refused_at
from tests.patching.test_crash_points import in_child, points_of
from tests.patching.trees import fill, snapshot

OF_EACH = int(os.environ.get("PATCH_PROOF_POINTS", "2"))
APPEND = {"op": "append", "file": "f", "block": "end"}

DONE, ALL_AS_BEFORE, TO_BE_RECOVERED, UNTRUE = range(4)


def told(world: World, work: Callable[[], object]) -> int:
    """Do the work; return an exit code that tells what became of it."""
    try:
        work()
    except WriteFailed as error:
        if "the next use of the workspace takes it back" in str(error):
            return TO_BE_RECOVERED
        return ALL_AS_BEFORE if world.state() == world.before else UNTRUE
    except RepoAgentError:
        return TO_BE_RECOVERED
    return DONE


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@pytest.mark.parametrize(
    ("code", "from_then_on"),
    [
        pytest.param(errno.ENOSPC, False, id="no space, once"),
        pytest.param(errno.EIO, True, id="an error, from then on"),
    ],
)
@pytest.mark.parametrize("work", [applying, reverting, failing], ids=["apply", "revert", "take back"])
def test_a_call_that_fails_leaves_all_or_nothing(
    tmp_path: Path,
    upgraded_file: Path,
    now: datetime,
    code: int,
    from_then_on: bool,
    work: Callable[[World, str], None],
) -> None:
    with quick_folder(tmp_path) as folder:
        world = World(folder, upgraded_file, now, applying if work is reverting else None)
        world.renew()
        points = [point for point in points_of(world, lambda: work(world, new_id())) if not point.after]
        world.renew()
        (reverting if work is reverting else applying)(world, new_id())
        after = world.state()
        outcomes = set()
        for point in chosen(points, OF_EACH):
            world.renew()
            batch_id = new_id()

            def child(batch_id: str = batch_id) -> None:
                os._exit(told(world, lambda: work(world, batch_id)))

            ended = in_child(refused_at(point.number, code, from_then_on=from_then_on), child)
            outcomes.add(os.waitstatus_to_exitcode(ended))
            world.recover()
            world.agrees(batch_id, after)
    assert outcomes <= {DONE, ALL_AS_BEFORE, TO_BE_RECOVERED}
    assert ALL_AS_BEFORE in outcomes
    assert len(outcomes) > 1


def test_writes_that_are_cut_short_are_gone_on_with(tmp_path: Path, upgraded_file: Path, now: datetime) -> None:
    written = os.write

    def around(at: Point, call: Callable[[], object]) -> object:
        return call()

    with quick_folder(tmp_path) as folder:
        world = World(folder, upgraded_file, now)
        world.renew()
        applying(world, new_id())
        after = world.state()
        world.renew()

        def child() -> None:
            os.write = lambda descriptor, content: written(descriptor, bytes(content)[:3])
            applying(world, new_id())

        assert in_child(Calls(around), child) == 0
        assert world.state() == after


@contextmanager
def small_disk(folder: Path, *, size: str) -> Iterator[Path]:
    """A file system of its own, in memory."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", size="256k") as folder:
        yield folder


def test_a_full_disk_leaves_all_as_it_was(disk: Path, custody: StoreCustody, now: datetime) -> None:
    fill(disk, {f"f{number}": b"x" * 20_000 + b"\n" for number in range(5)})
    before = snapshot(disk)
    batch = PatchBatch(patches=[{**APPEND, "file": f"f{number}", "block": "y" * 20_000} for number in range(5)])
    with pytest.raises(WriteFailed, match=r"No space left on device.*; all files are as before"):
        apply_batch(Workspace(disk), batch, custody=custody, now=now)
    assert snapshot(disk) == before
    small = PatchBatch(patches=[{**APPEND, "file": "f0"}])
    apply_batch(Workspace(disk), small, custody=custody, now=now)
    assert snapshot(disk)["f0"][0].endswith(b"x\nend\n")


def test_a_disk_that_is_read_only_is_told_and_can_be_planned_on(
    disk: Path, custody: StoreCustody, now: datetime
) -> None:
    fill(disk, {"f": b"x\n"})
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    batch = PatchBatch(patches=[APPEND])
    with pytest.raises(WriteFailed, match="Read-only file system"):
        apply_batch(Workspace(disk), batch, custody=custody, now=now)
    assert apply_batch(Workspace(disk), batch, custody=custody, now=now, dry_run=True).diff.endswith("+end\n")
    assert snapshot(disk) == {"f": (b"x\n", 0o644)}


_on_link: Callable[[], None] | None = None


def _hook(event: str, _arguments: tuple[object, ...]) -> None:
    global _on_link
    if _on_link is not None and event == "os.link":
        action, _on_link = _on_link, None
        action()


sys.addaudithook(_hook)  # for the life of this process; without `_on_link` it does nothing


@contextmanager
def meanwhile(action: Callable[[], None]) -> Iterator[None]:
    """Do something when all files were read and none was written."""
    global _on_link
    _on_link = action
    try:
        yield
    finally:
        _on_link = None


def test_a_file_that_vanishes_meanwhile_stays_away(root: Path, patch: Apply) -> None:
    fill(root, {"f": b"x\n", "g": b"g\n"})
    with meanwhile((root / "f").unlink), pytest.raises((PatchConflict, WriteFailed), match="f"):
        patch({**APPEND, "file": "g"}, APPEND)
    assert snapshot(root) == {"g": (b"g\n", 0o644)}
    assert not list(root.glob(".mission-*"))


def test_a_file_that_comes_meanwhile_is_not_overwritten(root: Path, patch: Apply) -> None:
    fill(root, {"f": b"x\n"})
    create = {"op": "create-file", "file": "new", "content": "ours\n"}
    with (
        meanwhile(lambda: fill(root, {"new": b"theirs\n"})),
        pytest.raises(PatchConflict, match="new came into being while"),
    ):
        patch(APPEND, create)
    assert snapshot(root) == {"f": (b"x\n", 0o644), "new": (b"theirs\n", 0o644)}


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(root: Path, patch: Apply) -> None:
    outside = root.parent / "outside"
    fill(root, {"sub/f": b"x\n"})
    fill(outside, {"f": b"x\n"})

    def swap() -> None:
        (root / "sub").rename(root / "away")
        (root / "sub").symlink_to(outside)

    with meanwhile(swap), contextlib.suppress(RepoAgentError):
        patch({**APPEND, "file": "sub/f"}, {"op": "create-file", "file": "sub/new", "content": "x"})
    assert snapshot(outside) == {"f": (b"x\n", 0o644)}


def test_the_other_name_of_a_file_keeps_the_old_content(root: Path, patch: Apply) -> None:
    outside = root.parent / "outside"
    fill(outside, {"f": b"x\n"})
    os.link(outside / "f", root / "f")
    patch(APPEND)
    assert (root / "f").read_bytes() == b"x\nend\n"
    assert (outside / "f").read_bytes() == b"x\n"


PATCHCTL = [sys.executable, "-c", "from repo_agent_dagster.cli.patchctl import app; app()"]


@pytest.fixture
def store_url(tmp_path: Path, upgraded_file: Path) -> str:
    shutil.copy(upgraded_file, tmp_path / "shared.db")
    return f"sqlite:///{tmp_path / 'shared.db'}"


def appending(root: Path, store_url: str, block: str, *options: str) -> subprocess.Popen[str]:
    where = ["--workspace", str(root), "--database-url", store_url]
    return subprocess.Popen(
        [*PATCHCTL, "append", *where, "--file", "f", "--block", block, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_meet_come_one_after_the_other(root: Path, store_url: str) -> None:
    fill(root, {"f": b""})
    running = [appending(root, store_url, str(number)) for number in range(3)]
    assert [one.communicate() and one.returncode for one in running] == [0] * 3
    assert sorted((root / "f").read_text().split()) == ["0", "1", "2"]


def test_who_does_not_wait_is_told_who_holds_the_workspace(root: Path, store_url: str, tmp_path: Path) -> None:
    fill(root, {"f": b"x\n"})
    holder = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys, time; from pathlib import Path; from repo_agent_dagster.patching.disk.lock import locked\n"
            "with locked(Path(sys.argv[1]), 5): print('held', flush=True); time.sleep(600)",
            str(root),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    refused = appending(root, store_url, "y", "--lock-timeout", "0")
    _, said = refused.communicate()
    assert refused.returncode == 5
    assert f"process {holder.pid}" in said

    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    follower = appending(root, store_url, "y", "--lock-timeout", "0")
    follower.communicate()
    assert follower.returncode == 0
    assert (root / "f").read_bytes() == b"x\ny\n"
