"""The custody of patches: one event of a patch's life, what is known of a patch, and who keeps the record.

The patching engine speaks to a `Custody`; `store.patch_events.StoreCustody` is the one that keeps it in the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.contracts.patches import PatchEventName

REVERT, REAPPLY = "revert", "reapply"
"""The operation of a patch that undoes another one, and of one that undoes such a patch."""


class CustodyUnavailable(TransientFault):
    """The record cannot be reached, so nothing may be changed."""


class CustodyRefused(PermanentFault):
    """The record can be reached and does not take what it was given."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event of one patch, as it goes into `patch_events` and, hashed, into the custody chain."""

    patch_id: str
    batch_id: str
    requester: str
    workspace: str
    file_path: str
    op: str
    event: PatchEventName
    created_at: datetime
    task_id: str | None = None
    order_id: str | None = None
    phase: str | None = None
    ts_check_ok: bool | None = None
    diff_path: str | None = None
    error: str | None = None
    meta: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RecordedPatch:
    """A patch as its events tell it: `requested` is its first event, `events` are all of them in their order."""

    requested: EventRow
    events: tuple[EventRow, ...]

    @property
    def patch_id(self) -> str:
        """The patch's id."""
        return self.requested.patch_id

    def last(self, name: PatchEventName) -> EventRow | None:
        """Return the patch's last event of that name, or None."""
        return next((event for event in reversed(self.events) if event.event is name), None)

    @property
    def is_in_force(self) -> bool:
        """Whether the workspace holds the patch's change: it was applied and not reverted since."""
        return self.last(PatchEventName.PATCH_APPLIED) is not None and (
            self.last(PatchEventName.PATCH_REVERTED) is None
        )


class Custody(Protocol):
    """Keeps the record. Every call is one transaction: all of its events are recorded, or none."""

    def record(self, events: Sequence[EventRow]) -> None:
        """Append the events in their order.

        Raises:
            CustodyUnavailable: the record cannot be reached.
            CustodyRefused: it does not take one of the events.
        """

    def batch(self, batch_id: str) -> Sequence[RecordedPatch]:
        """Return the patches of a batch in the order in which they were requested; empty when it is unknown."""

    def patches(self, patch_ids: Sequence[str]) -> Sequence[RecordedPatch]:
        """Return the patches that are known among these ids, in the order in which they were requested."""
