"""What a phase of a project means for the custody of its patches: which events a phase's message stands for."""

from collections.abc import Mapping
from types import MappingProxyType

from repo_agent_dagster.contracts.messages import ResponseName
from repo_agent_dagster.contracts.patches import PatchEventName

PHASE_EVENTS: Mapping[ResponseName, PatchEventName] = MappingProxyType(
    {
        ResponseName.PHASE_GENERATED: PatchEventName.PATCH_REQUESTED,
        ResponseName.PHASE_IMPLEMENTED: PatchEventName.PATCH_APPLIED,
        ResponseName.PHASE_VALIDATED: PatchEventName.PATCH_VALIDATED,
        ResponseName.GITHUB_EXPORT_COMPLETED: PatchEventName.PATCH_EXPORTED,
    }
)
"""The event that every patch of a phase has when the phase's message may be sent."""

# What was written is also taken back: the files are as before, and the record says both.
_WRITTEN = {ResponseName.PHASE_VALIDATED, ResponseName.GITHUB_EXPORT_COMPLETED}


def events_of_phase(phase: ResponseName, *, ok: bool = True) -> tuple[PatchEventName, ...]:
    """Return the events that an ended phase leaves on each of its patches, in their order; none for other messages.

    A phase that failed never leaves the event of one that succeeded: before anything was written it leaves
    ``patch_failed``, afterwards ``patch_failed`` and ``patch_reverted``.
    """
    if phase not in PHASE_EVENTS:
        return ()
    if ok:
        return (PHASE_EVENTS[phase],)
    if phase in _WRITTEN:
        return (PatchEventName.PATCH_FAILED, PatchEventName.PATCH_REVERTED)
    return (PatchEventName.PATCH_FAILED,)


def phase_of_event(event: PatchEventName) -> ResponseName | None:
    """Return the phase's message that an event stands for; None for failures and reverts, which complete no phase."""
    return next((phase for phase, name in PHASE_EVENTS.items() if name is event), None)
