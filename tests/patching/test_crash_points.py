"""Killed before and after each write, flush, rename, link, unlink and folder of a batch of fifty files.

There are some thousand such points, and a tree is rebuilt for each: of each kind of call, evenly spread ones are tried.
``PATCH_PROOF_POINTS`` says how many of each kind (before and after count as two); 9999 is every single one.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from repo_agent_dagster.store.ids import new_id
from tests.patching.big_batch import BATCH, NAMES, Work, World, applying, failing, quick_folder, reverting
from tests.patching.file_system_calls import Calls, Point, chosen, counted, killed_at

pytestmark = pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced

OF_EACH = int(os.environ.get("PATCH_PROOF_POINTS", "5"))


def in_child(
    calls: Calls, work: Callable[[], object], told: Path | None = None, seen: list[Point] | None = None
) -> int:
    """Do the work in a forked child with these calls; return how it ended, as `os.waitpid` tells it."""
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            calls.install()
            work()
            ended = 0
            if told is not None:
                told.write_text("\n".join(f"{one.number} {one.call} {int(one.after)}" for one in seen or []))
        finally:
            os._exit(ended)
    return os.waitpid(child, 0)[1]


def points_of(world: World, work: Callable[[], object]) -> list[Point]:
    seen: list[Point] = []
    told = world.root.parent.parent / "points"
    assert in_child(counted(seen), work, told, seen) == 0
    lines = (line.split() for line in told.read_text().splitlines())
    return [Point(int(number), call, after == "1") for number, call, after in lines]


def test_the_batch_is_of_fifty_files_and_all_kinds_of_operations() -> None:
    assert len(NAMES) == 50
    assert len({one.op for one in BATCH.patches}) == 10


@pytest.mark.parametrize(
    ("earlier", "work"),
    [
        pytest.param(None, applying, id="apply"),
        pytest.param(applying, reverting, id="revert"),
        pytest.param(None, failing, id="apply, fail the check and take back"),
    ],
)
def test_killed_at_any_point_the_tree_is_the_old_or_the_new_one_as_recorded(
    tmp_path: Path, upgraded_file: Path, now: datetime, earlier: Work | None, work: Work
) -> None:
    with quick_folder(tmp_path) as folder:
        world = World(folder, upgraded_file, now, earlier)
        world.renew()
        points = points_of(world, lambda: work(world, new_id()))
        world.renew()
        (reverting if work is reverting else applying)(world, new_id())
        after = world.state()
        outcomes: Counter[str] = Counter()
        for point in chosen(points, OF_EACH):
            world.renew()
            batch_id = new_id()
            ended = in_child(killed_at(point), lambda batch_id=batch_id: work(world, batch_id))
            assert os.WTERMSIG(ended) == signal.SIGKILL, point
            world.recover()
            outcomes[world.agrees(batch_id, after)] += 1
            assert world.recover() is None
    kinds = {point.call for point in points}
    assert kinds >= {"open", "write", "rename", "link", "unlink", "mkdir", "rmdir", "syncfs"}
    # A batch whose check was killed is taken back: nothing vouches for it.
    assert outcomes.keys() == ({"before"} if work is failing else {"before", "after"})
