"""Custody while the store is out of reach: events are kept in the workspace's spool, and shipped to the store later.

Shipping is in order and exactly once, wherever it is interrupted: a segment is closed, then taken in by the store in
one transaction with a note of its id, then removed. Whoever comes after a crash finds the segment closed and asks the
store, which knows whether it has it already.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from repo_agent_dagster.contracts.custody import (
    Custody,
    CustodyRefused,
    CustodyUnavailable,
    EventRow,
    RecordedPatch,
)
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.spool import SpoolSegment, Subscription, TakesSpools
from repo_agent_dagster.patching.disk.lock import locked
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import SpoolUnreadable, Workspace
from repo_agent_dagster.patching.record.spool_file import Segment, spool_folder
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.spool_record import refuse_unfit
from repo_agent_dagster.store.storable import UnfitValueError

_VERSION = 1
_EVENT_FIELDS = {field.name for field in fields(EventRow)}


class SpoolCustody:
    """Custody kept in the workspace's spool. What the spool does not know, the store is asked for, if it answers."""

    def __init__(self, workspace: Workspace, store: Custody) -> None:
        self._workspace = workspace
        self._store = store

    def record(self, events: Sequence[EventRow]) -> None:
        """Append events, all or none; see `contracts.custody.Custody`."""
        try:
            refuse_unfit(events)
        except UnfitValueError as error:
            raise CustodyRefused(str(error)) from error
        if events:
            self._append({"events": [_event_to_json(event) for event in events]})

    def subscribe(self, url: str, *, batch_id: str, secret_env: str | None = None) -> None:
        """Have a URL told of a batch's events once they are shipped."""
        self._append({"subscribe": asdict(Subscription(new_id(), url, batch_id, secret_env))})

    def batch(self, batch_id: str) -> Sequence[RecordedPatch]:
        """Return a batch's patches; see `contracts.custody.Custody`.

        Raises:
            CustodyUnavailable: the spool does not know all of it, and the store does not answer.
        """
        spooled = [event for event in self._spooled() if event.batch_id == batch_id]
        return self._joined(spooled, lambda store: store.batch(batch_id), complete=bool(spooled))

    def patches(self, patch_ids: Sequence[str]) -> Sequence[RecordedPatch]:
        """Return known patches; see `contracts.custody.Custody`.

        Raises:
            CustodyUnavailable: the spool does not know all of them, and the store does not answer.
        """
        asked = set(patch_ids)
        spooled = [event for event in self._spooled() if event.patch_id in asked]
        known = {event.patch_id for event in spooled} == asked
        return self._joined(spooled, lambda store: store.patches(patch_ids), complete=known)

    def _append(self, content: dict[str, Any]) -> None:
        line = {"version": _VERSION, "workspace": self._workspace.name, **content}
        try:
            with spool_folder(self._workspace.root, make=True) as folder:
                if folder is not None:
                    folder.append(line)
        except OSError as error:
            raise CustodyUnavailable(
                f"the offline spool of {self._workspace.root} takes no record: {error.strerror or error}; "
                "nothing was recorded, so nothing may be changed"
            ) from error

    def _spooled(self) -> list[EventRow]:
        with spool_folder(self._workspace.root, make=False) as folder:
            segments = [] if folder is None else folder.segments()
        return [event for segment in segments for event in _read(segment, self._workspace).events]

    def _joined(
        self, spooled: Sequence[EventRow], ask: Callable[[Custody], Sequence[RecordedPatch]], *, complete: bool
    ) -> list[RecordedPatch]:
        """Put what the store knows before what is in the spool.

        Whose request is in the spool has nothing in the store, unless its segment was taken in and not removed yet.
        """
        requested = {event.patch_id for event in spooled if event.event is PatchEventName.PATCH_REQUESTED}
        if complete and requested == {event.patch_id for event in spooled}:
            return _by_patch(spooled)
        shipped = [event for patch in ask(self._store) for event in patch.events]
        known = {_identity(event) for event in shipped}
        return _by_patch([*shipped, *(event for event in spooled if _identity(event) not in known)])


def ship_spool(workspace: Workspace, *, custody: Custody, now: datetime, lock_timeout_seconds: float = 10.0) -> int:
    """Ship a workspace's spool, as every online use of the workspace does; return how many events were taken in.

    Raises:
        InvalidPatch: there is no such workspace.
        WorkspaceLocked: a batch is under way.
        SpoolUnreadable, CustodyUnavailable, CustodyRefused: as `ship`.
    """
    with Tree(workspace.root), locked(workspace.root, lock_timeout_seconds):
        return ship(workspace, custody, now)


def has_spool(workspace: Workspace) -> bool:
    """Whether something was recorded offline that is not shipped yet."""
    with spool_folder(workspace.root, make=False) as folder:
        return folder is not None and not folder.is_empty


def ship(workspace: Workspace, custody: Custody, now: datetime) -> int:
    """Hand the workspace's spool to the store, under the workspace's lock; return how many events it took in.

    Custody that takes no spools (`SpoolCustody` itself) leaves it as it is.

    Raises:
        SpoolUnreadable: a segment is damaged, or of another workspace.
        CustodyUnavailable: the store cannot be reached; what was not shipped stays.
        CustodyRefused: the store does not take an event; its segment and those after it stay.
    """
    if not isinstance(custody, TakesSpools):
        return 0
    shipped = 0
    with spool_folder(workspace.root, make=False) as folder:
        if folder is None:
            return 0
        folder.close_segment()
        for name in folder.closed():
            segment = _read(folder.read(name), workspace)
            if custody.take_in(segment, now):
                shipped += len(segment.events)
            folder.remove(name)
    return shipped


def _read(segment: Segment, workspace: Workspace) -> SpoolSegment:
    events: list[EventRow] = []
    subscriptions: list[Subscription] = []
    try:
        for line in segment.lines:
            if line["version"] != _VERSION:
                raise ValueError("another version wrote it")  # noqa: TRY301 - told like any other thing wrong with it
            events += [_event_from_json(event) for event in line.get("events", ())]
            if "subscribe" in line:
                subscriptions.append(Subscription(**line["subscribe"]))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpoolUnreadable(
            f"segment {segment.id} of the offline spool of {workspace.root} cannot be understood ({error}); "
            "move its file away to go on without what it records"
        ) from error
    # The spool lies in the workspace, where an agent may write: it must not speak for another one.
    others = {event.workspace for event in events} - {workspace.name}
    if others:
        raise SpoolUnreadable(
            f"segment {segment.id} of the offline spool of {workspace.root} records patches of {min(others)!r}, "
            f"not of {workspace.name!r}; ship it from there, or move its file away"
        )
    return SpoolSegment(segment.id, workspace.name, tuple(events), tuple(subscriptions), segment.sha256)


def _event_to_json(event: EventRow) -> dict[str, Any]:
    return {**asdict(event), "created_at": event.created_at.isoformat()}


def _event_from_json(values: dict[str, Any]) -> EventRow:
    if values.keys() != _EVENT_FIELDS:
        raise ValueError("an event has other fields")
    event = _event_rows().validate_python(values)
    if event.created_at.tzinfo is None:
        raise ValueError("an event's time has no zone")
    return event


@cache
def _event_rows() -> TypeAdapter[EventRow]:
    return TypeAdapter(EventRow)


def _identity(event: EventRow) -> tuple[str, str, datetime]:
    return event.patch_id, event.event.value, event.created_at


def _by_patch(events: Iterable[EventRow]) -> list[RecordedPatch]:
    found: dict[str, list[EventRow]] = {}
    for event in events:
        found.setdefault(event.patch_id, []).append(event)
    return [RecordedPatch(history[0], tuple(history)) for history in found.values()]
