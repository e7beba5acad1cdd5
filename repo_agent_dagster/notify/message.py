"""What a message says: a `PatchEvent` as JSON, with what the record knows beyond it under ``meta.record``."""

import hashlib

from repo_agent_dagster.contracts.patches import PatchEvent
from repo_agent_dagster.store.patch_events import StoredEvent


def message_of(event: StoredEvent) -> PatchEvent:
    """Return an event as it is posted. All that matters is in the body, because the body is what is signed."""
    record = {
        "id": event.id,
        "event": event.event.value,
        "batch_id": event.batch_id,
        "order_id": event.order_id,
        "phase": event.phase,
        "requester": event.requester,
        "workspace": event.workspace,
        "error": event.error,
    }
    return PatchEvent(
        patch_id=event.patch_id,
        file=event.file_path,
        op=event.op,
        task_id=event.task_id,
        ts_check_ok=event.ts_check_ok,
        diff_path=event.diff_path,
        meta={**(event.meta or {}), "record": record},
        ts=event.created_at,
    )


def key_of(target_id: str, event: StoredEvent) -> str:
    """Return the idempotency key: the same whenever this event is sent to this target.

    The id alone would not do: a database that was restored from a backup gives ids again that receivers have seen.
    """
    told = f"{event.patch_id} {event.event.value} {event.created_at.isoformat()}"
    return f"{target_id}-{event.id}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
