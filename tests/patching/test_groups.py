"""Many batches, one flush: each is all or nothing by itself, and they are durable together."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.custody import CustodyUnavailable, EventRow
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import BatchResult, PatchConflict, Workspace, apply_batches, replay, revert
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_events import StoreCustody, activity, listing, verify_chain
from tests.patching.trees import fill, snapshot

FILES = {"a": b"1\n2\n3\n", "b": b"x\n"}
REQUESTS: list[list[dict[str, Any]]] = [
    [{"op": "replace-block", "file": "a", "start": 1, "end": 1, "block": "one"}],
    [{"op": "append", "file": "missing", "block": "x"}, {"op": "append", "file": "b", "block": "lost"}],
    [{"op": "move-file", "file": "a", "to": "deep/a"}, {"op": "create-file", "file": "new", "content": "n"}],
    [{"op": "replace-text", "file": "deep/a", "old": "one", "new": "uno"}, {"op": "delete-file", "file": "new"}],
]


def batches(requests: Sequence[list[dict[str, Any]]] = REQUESTS) -> list[PatchBatch]:
    return [PatchBatch(patches=list(operations), order_id="7") for operations in requests]


def test_each_batch_is_applied_on_what_those_before_it_left(root: Path, custody: StoreCustody, now: datetime) -> None:
    fill(root, FILES)
    (root / "a").chmod(0o640)
    outcomes = apply_batches(Workspace(root), batches(), custody=custody, now=now)
    assert [type(outcome) for outcome in outcomes] == [BatchResult, PatchConflict, BatchResult, BatchResult]
    assert "missing does not exist" in str(outcomes[1])
    assert snapshot(root) == {"b": (b"x\n", 0o644), "deep/a": (b"uno\n2\n3\n", 0o640)}


def test_the_record_tells_each_batch_apart(
    root: Path, custody: StoreCustody, now: datetime, sqlite_store: Engine, tmp_path: Path
) -> None:
    fill(root, FILES)
    outcomes = apply_batches(Workspace(root), batches(), custody=custody, now=now)
    with read_transaction(sqlite_store) as conn:
        assert verify_chain(conn, Workspace(root).name).ok
        told = [(patch.op, patch.last_event) for patch in reversed(activity(conn))]
        events = listing(conn)
    assert told == [
        ("replace-block", "patch_applied"),
        ("append", "patch_failed"),
        ("append", "patch_failed"),
        ("move-file", "patch_applied"),
        ("create-file", "patch_applied"),
        ("replace-text", "patch_applied"),
        ("delete-file", "patch_applied"),
    ]
    assert len({event.batch_id for event in events}) == len(REQUESTS)
    replay(Workspace(root), events, tmp_path / "again")
    assert snapshot(tmp_path / "again") == snapshot(root)
    for outcome in reversed(outcomes):
        if isinstance(outcome, BatchResult):
            revert(Workspace(root), outcome.batch_id, custody=custody, now=now)
    assert {name: content for name, (content, _) in snapshot(root).items()} == FILES


class Losing(StoreCustody):
    """A record that is lost when the decision is to be recorded."""

    def record(self, events: Sequence[EventRow]) -> None:
        if any(event.event == "patch_applied" for event in events):
            raise CustodyUnavailable("the connection was lost")
        super().record(events)


def test_without_the_decision_on_record_none_is_applied(root: Path, now: datetime, sqlite_store: Engine) -> None:
    fill(root, FILES)
    before = snapshot(root)
    with pytest.raises(CustodyUnavailable):
        apply_batches(Workspace(root), batches(), custody=Losing(sqlite_store), now=now)
    assert snapshot(root) == before
    with read_transaction(sqlite_store) as conn:
        assert {patch.last_event for patch in activity(conn)} == {"patch_failed"}


def test_a_group_that_was_killed_is_undone_whole(root: Path, now: datetime, sqlite_store: Engine) -> None:
    fill(root, FILES)
    before = snapshot(root)

    class Killed(StoreCustody):
        def record(self, events: Sequence[EventRow]) -> None:
            if any(event.event == "patch_applied" for event in events):
                os._exit(9)
            super().record(events)

    sqlite_store.dispose()
    child = os.fork()
    if child == 0:
        apply_batches(Workspace(root), batches(), custody=Killed(sqlite_store), now=now)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert snapshot(root) != before
    (outcome,) = apply_batches(Workspace(root), batches(REQUESTS[:1]), custody=StoreCustody(sqlite_store), now=now)
    assert isinstance(outcome, BatchResult)
    assert snapshot(root) == {**before, "a": (b"one\n2\n3\n", 0o644)}


@pytest.mark.parametrize(
    ("requests", "left"),
    [
        pytest.param([[("create-file", "x/y")], [("create-file", "x")]], {"x/y"}, id="a file where a folder is"),
        pytest.param([[("create-file", "x")], [("create-file", "x/y")]], {"x"}, id="a folder where a file is"),
        pytest.param(
            [[("create-file", "x/y")], [("delete-file", "x/y")], [("create-file", "x")]], {"x"}, id="taken away before"
        ),
    ],
)
def test_what_is_a_file_for_one_batch_is_no_folder_for_another(
    root: Path, custody: StoreCustody, now: datetime, requests: list[list[tuple[str, str]]], left: set[str]
) -> None:
    asked = [
        [{"op": op, "file": file, **({"content": "c"} if op == "create-file" else {})} for op, file in one]
        for one in requests
    ]
    outcomes = apply_batches(Workspace(root), batches(asked), custody=custody, now=now)
    assert set(snapshot(root)) == left
    refused = [outcome for outcome in outcomes if isinstance(outcome, PatchConflict)]
    assert len(refused) == (1 if len(requests) == 2 else 0)


def test_a_batch_of_a_group_is_reverted_three_ways_too(root: Path, custody: StoreCustody, now: datetime) -> None:
    fill(root, FILES)
    outcomes = apply_batches(Workspace(root), batches([REQUESTS[0], REQUESTS[2]]), custody=custody, now=now)
    last = outcomes[1]
    assert isinstance(last, BatchResult)
    revert(Workspace(root), last.batch_id, custody=custody, now=now, three_way=True)
    assert {name: content for name, (content, _) in snapshot(root).items()} == {"a": b"one\n2\n3\n", "b": b"x\n"}
