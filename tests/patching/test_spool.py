"""Offline: what was done without the store is on record in the workspace, and comes to the store once, in order.

Shipping is killed at every call to the file system and around the store's transaction, as in `test_crashes`.
"""

import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.custody import (
    Custody,
    CustodyRefused,
    CustodyUnavailable,
    EventRow,
    RecordedPatch,
)
from repo_agent_dagster.contracts.patches import PatchBatch, PatchEventName
from repo_agent_dagster.contracts.spool import SpoolSegment
from repo_agent_dagster.patching import (
    BatchResult,
    SpoolCustody,
    SpoolUnreadable,
    UnknownPatch,
    UnsafePath,
    Workspace,
    apply_batch,
    recover_workspace,
    revert,
    ship_spool,
)
from repo_agent_dagster.patching.record import spool_file
from repo_agent_dagster.store import notifications
from repo_agent_dagster.store.engine import open_store, read_transaction
from repo_agent_dagster.store.patch_events import ChainVerdict, StoreCustody, StoredEvent, listing, verify_chain

_on_step: Callable[[str, tuple[Any, ...]], None] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _on_step is not None and event in ("open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "os.link"):
        _on_step(event, arguments)


sys.addaudithook(_hook)  # for the life of this process; without `_on_step` it does nothing


class Away:
    """A store that does not answer."""

    def record(self, events: Sequence[EventRow]) -> None:
        raise CustodyUnavailable("the store is away")

    def batch(self, batch_id: str) -> Sequence[RecordedPatch]:
        raise CustodyUnavailable("the store is away")

    def patches(self, patch_ids: Sequence[str]) -> Sequence[RecordedPatch]:
        raise CustodyUnavailable("the store is away")

    def take_in(self, segment: SpoolSegment, now: datetime) -> bool:
        raise CustodyUnavailable("the store is away")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "f.txt").write_text("one\n")
    return folder


@pytest.fixture
def workspace(root: Path) -> Workspace:
    return Workspace(root)


@pytest.fixture
def offline(workspace: Workspace) -> SpoolCustody:
    return SpoolCustody(workspace, Away())


def append(workspace: Workspace, custody: Custody, now: datetime, text: str = "two") -> BatchResult:
    batch = PatchBatch(patches=[{"op": "append", "file": "f.txt", "block": text}], order_id="42")
    return apply_batch(workspace, batch, custody=custody, now=now)


def told(engine: Engine, workspace: Workspace) -> list[StoredEvent]:
    """Return what is on record, of which the chain must be whole."""
    with read_transaction(engine) as conn:
        events = listing(conn)
        assert verify_chain(conn, workspace.name) == ChainVerdict(ok=True, checked=len(events))
    return events


def names(events: Sequence[EventRow]) -> list[str]:
    return [event.event.value.removeprefix("patch_") for event in events]


def segments(root: Path) -> list[Path]:
    folder = root / ".mission_control" / "spool"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_a_batch_is_applied_without_the_store_and_shipped_by_the_next_online_use(
    workspace: Workspace, root: Path, offline: SpoolCustody, custody: StoreCustody, now: datetime
) -> None:
    done = append(workspace, offline, now)
    assert (root / "f.txt").read_text() == "one\ntwo\n"
    assert told(custody.engine, workspace) == []
    assert len(segments(root)) == 1

    later = append(workspace, custody, now + timedelta(hours=1), "three")

    events = told(custody.engine, workspace)
    assert names(events) == ["requested", "applied", "requested", "applied"]
    assert [event.batch_id for event in events] == [done.batch_id] * 2 + [later.batch_id] * 2
    assert (events[0].created_at, events[0].order_id, events[0].file_path) == (now, "42", "f.txt")
    assert segments(root) == []


def test_an_offline_batch_is_reverted_offline_and_all_of_it_is_shipped_in_order(
    workspace: Workspace, root: Path, offline: SpoolCustody, custody: StoreCustody, now: datetime
) -> None:
    done = append(workspace, offline, now)
    revert(workspace, done.batch_id, custody=SpoolCustody(workspace, Away()), now=now + timedelta(minutes=1))
    assert (root / "f.txt").read_text() == "one\n"

    assert ship_spool(workspace, custody=custody, now=now) == len(told(custody.engine, workspace)) >= 3

    (patch,) = custody.batch(done.batch_id)
    assert names(patch.events) == ["requested", "applied", "reverted"]
    assert ship_spool(workspace, custody=custody, now=now) == 0


def test_what_was_applied_offline_is_reverted_online(
    workspace: Workspace, root: Path, offline: SpoolCustody, custody: StoreCustody, now: datetime
) -> None:
    done = append(workspace, offline, now)
    revert(workspace, done.batch_id, custody=custody, now=now)
    assert (root / "f.txt").read_text() == "one\n"
    told(custody.engine, workspace)


def test_what_was_applied_online_is_reverted_offline_if_the_store_can_be_read(
    workspace: Workspace, root: Path, custody: StoreCustody, now: datetime
) -> None:
    done = append(workspace, custody, now)
    with pytest.raises(CustodyUnavailable):
        revert(workspace, done.batch_id, custody=SpoolCustody(workspace, Away()), now=now)
    assert (root / "f.txt").read_text() == "one\ntwo\n"

    revert(workspace, done.batch_id, custody=SpoolCustody(workspace, custody), now=now)

    assert (root / "f.txt").read_text() == "one\n"
    (patch,) = SpoolCustody(workspace, custody).batch(done.batch_id)
    assert not patch.is_in_force
    (patch,) = custody.batch(done.batch_id)
    assert patch.is_in_force
    ship_spool(workspace, custody=custody, now=now)
    (patch,) = custody.batch(done.batch_id)
    assert names(patch.events) == ["requested", "applied", "reverted"]


def test_a_part_of_a_history_is_not_taken_for_the_whole(
    workspace: Workspace, custody: StoreCustody, now: datetime
) -> None:
    done = append(workspace, custody, now)
    revert(workspace, done.batch_id, custody=SpoolCustody(workspace, custody), now=now)
    with pytest.raises(CustodyUnavailable):
        SpoolCustody(workspace, Away()).batch(done.batch_id)
    with pytest.raises(CustodyUnavailable):
        SpoolCustody(workspace, Away()).patches([done.patches[0].patch_id])


def test_patches_are_found_in_the_spool_alone_if_all_of_them_are_there(
    workspace: Workspace, offline: SpoolCustody, now: datetime
) -> None:
    ids = [append(workspace, offline, now).patches[0].patch_id for _ in range(2)]
    assert [patch.patch_id for patch in offline.patches(ids)] == ids
    with pytest.raises(CustodyUnavailable):
        offline.patches([*ids, "another"])


def test_a_batch_that_fails_offline_is_on_record_as_failed(
    workspace: Workspace, root: Path, offline: SpoolCustody, custody: StoreCustody, now: datetime
) -> None:
    batch = PatchBatch(patches=[{"op": "append", "file": "missing.txt", "block": "x"}])
    with pytest.raises(Exception, match="does not exist"):
        apply_batch(workspace, batch, custody=offline, now=now)
    ship_spool(workspace, custody=custody, now=now)
    assert names(told(custody.engine, workspace)) == ["requested", "failed"]


def test_without_the_store_nothing_is_shipped_and_nothing_lost(
    workspace: Workspace, root: Path, offline: SpoolCustody, custody: StoreCustody, now: datetime
) -> None:
    append(workspace, offline, now)
    with pytest.raises(CustodyUnavailable):
        append(workspace, Away(), now, "three")
    assert (root / "f.txt").read_text() == "one\ntwo\n"
    append(workspace, offline, now, "three")
    assert ship_spool(workspace, custody=custody, now=now) == 4
    assert names(told(custody.engine, workspace)) == ["requested", "applied"] * 2


def test_a_value_that_the_store_would_not_take_is_refused_before_anything_is_written(
    workspace: Workspace, root: Path, offline: SpoolCustody, now: datetime
) -> None:
    batch = PatchBatch(requester="x" * 201, patches=[{"op": "append", "file": "f.txt", "block": "x"}])
    with pytest.raises(CustodyRefused, match="requester takes at most 200"):
        apply_batch(workspace, batch, custody=offline, now=now)
    assert (root / "f.txt").read_text() == "one\n"


def test_a_subscription_made_offline_is_told_of_the_whole_batch(
    workspace: Workspace, offline: SpoolCustody, custody: StoreCustody, now: datetime
) -> None:
    offline.subscribe("https://hooks.example/", batch_id="batch", secret_env="HOOK_SECRET")
    batch = PatchBatch(patches=[{"op": "append", "file": "f.txt", "block": "x"}])
    apply_batch(workspace, batch, custody=offline, now=now, batch_id="batch")
    ship_spool(workspace, custody=custody, now=now)
    with read_transaction(custody.engine) as conn:
        (state,) = notifications.overview(conn)
    assert (state.target.batch_id, state.target.secret_env, state.waiting) == ("batch", "HOOK_SECRET", 2)


def test_events_come_back_as_they_were(
    workspace: Workspace, offline: SpoolCustody, custody: StoreCustody, now: datetime
) -> None:
    event = EventRow(
        patch_id="p",
        batch_id="b",
        requester="ä \ud800",
        workspace=workspace.name,
        file_path="f\n\0",
        op="append",
        event=PatchEventName.PATCH_FAILED,
        created_at=now,
        task_id="t",
        order_id="42",
        phase="one",
        ts_check_ok=False,
        diff_path="d",
        error="e\u2028",
        meta={"ä": [1, 1.5, None, {"b": True}]},
    )
    offline.record([event])
    offline.record([])
    (patch,) = [RecordedPatch(found[0], tuple(found)) for found in [offline._spooled()]]
    assert patch.events == (event,)


# --- crashes ---------------------------------------------------------------------------------------------------------


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], object], *, killed_at: int | None, disk_full_at: int | None = None) -> bool:
    """Run the work in a child that is killed at its n-th call to the file system; tell whether it was."""
    child = os.fork()
    if child == 0:
        global _on_step
        count = 0

        def step(_event: str, _arguments: tuple[Any, ...]) -> None:
            nonlocal count
            count += 1
            if count == killed_at:
                kill()

        _on_step = step
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@pytest.mark.parametrize("step", range(1, 40))
def test_shipping_that_is_killed_at_any_step_ships_all_once(
    workspace: Workspace, root: Path, offline: SpoolCustody, custody: StoreCustody, now: datetime, step: int
) -> None:
    url = str(custody.engine.url)
    custody.engine.dispose()
    append(workspace, offline, now)
    with_two_segments(workspace, offline, now)
    killed = in_child(lambda: ship_spool(workspace, custody=StoreCustody(open_store(url)), now=now), killed_at=step)
    if not killed:
        assert step > 8, "shipping takes more steps than that"
    shipped_then = names(told(custody.engine, workspace))

    append(workspace, offline, now, "three")  # offline again: nothing that was shipped is appended to
    ship_spool(workspace, custody=custody, now=now)

    assert names(told(custody.engine, workspace)) == ["requested", "applied"] * 3
    assert shipped_then == ["requested", "applied"] * (len(shipped_then) // 2)
    assert segments(root) == []


def with_two_segments(workspace: Workspace, offline: SpoolCustody, now: datetime) -> None:
    with spool_file.spool_folder(workspace.root, make=False) as folder:
        assert folder is not None
        folder.close_segment()
    append(workspace, offline, now, "more")


class KilledAround:
    """Custody whose process is killed right before, or right after, the store has taken a segment in."""

    def __init__(self, custody: StoreCustody, moment: str) -> None:
        self._custody, self._moment = custody, moment

    def record(self, events: Sequence[EventRow]) -> None:
        self._custody.record(events)

    def batch(self, batch_id: str) -> Sequence[RecordedPatch]:
        return self._custody.batch(batch_id)

    def patches(self, patch_ids: Sequence[str]) -> Sequence[RecordedPatch]:
        return self._custody.patches(patch_ids)

    def take_in(self, segment: SpoolSegment, now: datetime) -> bool:
        if self._moment == "before":
            kill()
        self._custody.take_in(segment, now)
        kill()
        return True


@pytest.mark.parametrize(("moment", "shipped"), [("before", 0), ("after", 2)])
def test_shipping_that_is_killed_around_the_stores_commit_ships_all_once(
    workspace: Workspace, offline: SpoolCustody, custody: StoreCustody, now: datetime, moment: str, shipped: int
) -> None:
    url = str(custody.engine.url)
    custody.engine.dispose()
    append(workspace, offline, now)
    assert in_child(
        lambda: ship_spool(workspace, custody=KilledAround(StoreCustody(open_store(url)), moment), now=now),
        killed_at=None,
    )
    assert len(told(custody.engine, workspace)) == shipped
    # What is taken in and not removed yet is known to both, and is told once.
    offline_again = SpoolCustody(workspace, custody)
    assert len(offline_again._spooled()) == 2
    assert ship_spool(workspace, custody=custody, now=now) == 2 - shipped
    assert names(told(custody.engine, workspace)) == ["requested", "applied"]


def test_a_history_in_both_places_is_told_once(
    workspace: Workspace, offline: SpoolCustody, custody: StoreCustody, now: datetime
) -> None:
    """A batch is applied offline, shipped but for the removal of its segment, and reverted offline."""
    done = append(workspace, offline, now)
    url = str(custody.engine.url)
    custody.engine.dispose()
    killing = KilledAround(StoreCustody(open_store(url)), "after")
    in_child(lambda: ship_spool(workspace, custody=killing, now=now), killed_at=None)
    revert(workspace, done.batch_id, custody=SpoolCustody(workspace, custody), now=now)
    (patch,) = SpoolCustody(workspace, custody).batch(done.batch_id)
    assert names(patch.events) == ["requested", "applied", "reverted"]
    ship_spool(workspace, custody=custody, now=now)
    assert names(custody.batch(done.batch_id)[0].events) == ["requested", "applied", "reverted"]


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@pytest.mark.parametrize("use", ["offline", "online"])
@pytest.mark.parametrize("step", range(1, 60, 2))
def test_an_offline_batch_that_is_killed_at_any_step_is_recovered(
    workspace: Workspace, root: Path, offline: SpoolCustody, custody: StoreCustody, now: datetime, use: str, step: int
) -> None:
    killed = in_child(lambda: append(workspace, offline, now), killed_at=step)

    recover_workspace(workspace, custody=offline if use == "offline" else custody, now=now)
    ship_spool(workspace, custody=custody, now=now)

    events = told(custody.engine, workspace)
    text = (root / "f.txt").read_text()
    assert text in ("one\n", "one\ntwo\n")
    in_force = bool(events) and custody.batch(events[0].batch_id)[0].is_in_force
    assert in_force == (text == "one\ntwo\n")
    if not killed:
        assert names(events) == ["requested", "applied"]
    assert [path.name for path in root.iterdir() if path.name.startswith(".mission-")] == []


def test_an_interrupted_offline_batch_waits_for_custody_that_knows_it(
    workspace: Workspace, root: Path, offline: SpoolCustody, tmp_path: Path, now: datetime
) -> None:
    def before_the_file_is_replaced(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and arguments[1] == "f.txt":
            kill()

    child = os.fork()
    if child == 0:
        global _on_step
        _on_step = before_the_file_is_replaced
        append(workspace, offline, now)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert (root / ".mission_control" / "journal.json").exists()

    with pytest.raises(CustodyUnavailable):
        append(workspace, Away(), now)
    (segment,) = segments(root)
    segment.rename(tmp_path / segment.name)
    with pytest.raises(CustodyUnavailable):
        append(workspace, offline, now)
    (tmp_path / segment.name).rename(segment)
    append(workspace, offline, now)
    assert (root / "f.txt").read_text() == "one\ntwo\n"


# --- damage ----------------------------------------------------------------------------------------------------------


def test_a_torn_last_line_was_never_said_to_be_kept(
    workspace: Workspace, root: Path, offline: SpoolCustody, custody: StoreCustody, now: datetime
) -> None:
    append(workspace, offline, now)
    (segment,) = segments(root)
    whole = segment.read_bytes()
    lines = whole.splitlines(keepends=True)
    for torn in (lines[1][:40], lines[1][:-1], b"\0" * len(lines[1][:-1]) + b"\n"):
        segment.write_bytes(lines[0] + torn)
        assert names(offline._spooled()) == ["requested"]
    append(workspace, offline, now, "again")
    ship_spool(workspace, custody=custody, now=now)
    assert names(told(custody.engine, workspace)) == ["requested", "requested", "applied"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lines: [lines[0].replace(b'"42"', b'"43"'), *lines[1:]], "line 1 of .* does not fit"),
        (lambda lines: lines[1:], "line 1 of .* does not fit"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b"applied", b"failed")], "line 2 of .* does not fit"),
        (lambda lines: [lines[1], lines[0]], "line 1 of .* does not fit"),
        (lambda lines: [b"\n", *lines], "line 1 of .* does not fit"),
    ],
)
def test_a_spool_that_was_edited_is_refused_and_named(
    workspace: Workspace,
    root: Path,
    offline: SpoolCustody,
    custody: StoreCustody,
    now: datetime,
    damage: Callable[[list[bytes]], list[bytes]],
    message: str,
) -> None:
    append(workspace, offline, now)
    (segment,) = segments(root)
    segment.write_bytes(b"".join(damage(segment.read_bytes().splitlines(keepends=True))))
    with pytest.raises(SpoolUnreadable, match=message):
        append(workspace, custody, now, "three")
    assert (root / "f.txt").read_text() == "one\ntwo\n"
    assert told(custody.engine, workspace) == []


def planted(root: Path, *objects: Any) -> None:
    """Write a segment whose hashes fit, as anybody may who can write to the workspace."""
    folder = root / ".mission_control" / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    previous, content = "0" * 64, b""
    for one in objects:
        text = json.dumps(one).encode()
        previous = spool_file._hash(previous, text)
        content += f"{previous} ".encode() + text + b"\n"
    (folder / f"{'0' * 36}.closed").write_bytes(content)


EVENT = {
    "patch_id": "p",
    "batch_id": "b",
    "requester": "r",
    "workspace": "WORKSPACE",
    "file_path": "f",
    "op": "append",
    "event": "patch_applied",
    "created_at": "2026-03-04T09:30:00+00:00",
    "task_id": None,
    "order_id": None,
    "phase": None,
    "ts_check_ok": None,
    "diff_path": None,
    "error": None,
    "meta": None,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workspace": "/another"}, "records patches of '/another'"),
        ({"event": "patch_sold"}, "cannot be understood"),
        ({"created_at": "2026-03-04T09:30:00"}, "no zone"),
        ({"created_at": "yesterday"}, "cannot be understood"),
        ({"patch_id": 7}, "cannot be understood"),
        ({"more": 1}, "an event has other fields"),
    ],
)
def test_a_spool_that_says_what_none_of_ours_would_is_refused(
    workspace: Workspace, root: Path, custody: StoreCustody, now: datetime, changes: dict[str, Any], message: str
) -> None:
    event = {**EVENT, "workspace": workspace.name, **changes}
    planted(root, {"version": 1, "workspace": workspace.name, "events": [event]})
    with pytest.raises(SpoolUnreadable, match=message):
        ship_spool(workspace, custody=custody, now=now)
    assert told(custody.engine, workspace) == []


@pytest.mark.parametrize("line", [{"version": 2}, {}, [], {"version": 1, "events": 7}, {"version": 1, "subscribe": {}}])
def test_a_line_of_another_form_is_refused(
    workspace: Workspace, root: Path, custody: StoreCustody, now: datetime, line: Any
) -> None:
    planted(root, line)
    with pytest.raises(SpoolUnreadable):
        ship_spool(workspace, custody=custody, now=now)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_segment_that_is_no_file_is_refused(
    workspace: Workspace, root: Path, custody: StoreCustody, tmp_path: Path, now: datetime, kind: str
) -> None:
    folder = root / ".mission_control" / "spool"
    folder.mkdir(parents=True)
    path = folder / f"{'0' * 36}.closed"
    if kind == "link":
        (tmp_path / "secret").write_text("x")
        path.symlink_to(tmp_path / "secret")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(SpoolUnreadable):
        ship_spool(workspace, custody=custody, now=now)


def test_a_spool_folder_that_is_a_link_is_refused(
    workspace: Workspace, root: Path, offline: SpoolCustody, tmp_path: Path, now: datetime
) -> None:
    (root / ".mission_control").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (root / ".mission_control" / "spool").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafePath):
        append(workspace, offline, now)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (root / "f.txt").read_text() == "one\n"


def test_a_disk_that_is_full_refuses_the_batch_and_leaves_the_spool_as_it_was(
    workspace: Workspace, root: Path, offline: SpoolCustody, now: datetime
) -> None:
    append(workspace, offline, now)
    (segment,) = segments(root)
    before = segment.read_bytes()

    def full(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.truncate" and arguments[1] > 0:  # the lock is emptied, too
            raise OSError(errno.ENOSPC, "No space left on device")

    global _on_step
    _on_step = full
    try:
        with pytest.raises(CustodyUnavailable, match="takes no record: No space left"):
            append(workspace, offline, now, "three")
    finally:
        _on_step = None
    assert segment.read_bytes() == before
    assert (root / "f.txt").read_text() == "one\ntwo\n"


def test_a_large_segment_is_followed_by_another(
    workspace: Workspace, root: Path, offline: SpoolCustody, custody: StoreCustody, now: datetime
) -> None:
    big = {"x": "y" * (spool_file.SEGMENT_BYTES + 1)}
    event = EventRow("p", "b", "r", workspace.name, "f", "append", PatchEventName.PATCH_REQUESTED, now, meta=big)
    for _ in range(3):
        offline.record([event])
    assert [path.suffix for path in segments(root)] == [".closed", ".closed", ".open"]
    assert len(offline._spooled()) == 3
    assert ship_spool(workspace, custody=custody, now=now) == 3


def test_a_batch_that_nobody_knows_is_asked_of_the_store(workspace: Workspace, custody: StoreCustody) -> None:
    assert SpoolCustody(workspace, custody).batch("none") == []
    with pytest.raises(CustodyUnavailable):
        SpoolCustody(workspace, Away()).batch("none")


def test_custody_that_takes_no_spools_leaves_them(
    workspace: Workspace, root: Path, offline: SpoolCustody, now: datetime
) -> None:
    append(workspace, offline, now)
    assert ship_spool(workspace, custody=offline, now=now) == 0
    assert len(segments(root)) == 1


def test_unknown_batches_are_told_as_such_online(workspace: Workspace, custody: StoreCustody, now: datetime) -> None:
    with pytest.raises(UnknownPatch):
        revert(workspace, "none", custody=custody, now=now)
