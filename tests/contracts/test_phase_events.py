"""Phases and the custody of their patches say the same."""

import pytest

from repo_agent_dagster.contracts.messages import ResponseName
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.phase_events import PHASE_EVENTS, events_of_phase, phase_of_event


@pytest.mark.parametrize(
    ("phase", "good", "bad"),
    [
        ("phase_generated", ["patch_requested"], ["patch_failed"]),
        ("phase_implemented", ["patch_applied"], ["patch_failed"]),
        ("phase_validated", ["patch_validated"], ["patch_failed", "patch_reverted"]),
        ("github_export_completed", ["patch_exported"], ["patch_failed", "patch_reverted"]),
        ("phase_generating", [], []),
        ("github_export_error", [], []),
    ],
)
def test_a_phase_leaves_these_events(phase: str, good: list[str], bad: list[str]) -> None:
    assert [event.value for event in events_of_phase(ResponseName(phase))] == good
    assert [event.value for event in events_of_phase(ResponseName(phase), ok=False)] == bad


@pytest.mark.parametrize("phase", list(ResponseName))
def test_a_failed_phase_never_leaves_what_a_good_one_does(phase: ResponseName) -> None:
    assert not set(events_of_phase(phase)) & set(events_of_phase(phase, ok=False))


def test_an_event_leads_back_to_its_phase_and_a_failure_to_none() -> None:
    assert {phase_of_event(event) for event in PHASE_EVENTS.values()} == set(PHASE_EVENTS)
    assert phase_of_event(PatchEventName.PATCH_FAILED) is None
    assert phase_of_event(PatchEventName.PATCH_REVERTED) is None


def test_no_mapping_can_be_changed_from_outside() -> None:
    with pytest.raises(TypeError):
        PHASE_EVENTS[ResponseName.ERROR] = PatchEventName.PATCH_APPLIED  # type: ignore[index] # what is tested
