"""The message names are a protocol: each to the letter, none missing, none added by accident."""

import json
import re

import pytest
from pydantic import ValidationError

from repo_agent_dagster.contracts.messages import Broadcast, RequestName, ResponseName
from repo_agent_dagster.contracts.patches import PatchEvent, PatchEventName
from repo_agent_dagster.contracts.problems import describe

RESPONSES = [
    "generation_started",
    "generation_complete",
    "phase_generating",
    "phase_generated",
    "phase_implementing",
    "phase_implemented",
    "phase_validating",
    "phase_validated",
    "file_chunk_generated",
    "file_generating",
    "file_generated",
    "file_regenerating",
    "file_regenerated",
    "runtime_error_found",
    "static_analysis_results",
    "deployment_started",
    "deployment_completed",
    "deployment_failed",
    "preview_force_refresh",
    "cloudflare_deployment_started",
    "cloudflare_deployment_completed",
    "cloudflare_deployment_error",
    "screenshot_capture_started",
    "screenshot_capture_success",
    "screenshot_capture_error",
    "screenshot_analysis_result",
    "error",
    "rate_limit_error",
    "code_reviewing",
    "code_reviewed",
    "command_executing",
    "command_executed",
    "command_execution_failed",
    "generation_stopped",
    "generation_resumed",
    "deterministic_code_fix_started",
    "deterministic_code_fix_completed",
    "github_export_started",
    "github_export_progress",
    "github_export_completed",
    "github_export_error",
    "user_suggestions_processing",
    "conversation_response",
    "conversation_cleared",
    "conversation_state",
    "project_name_updated",
    "blueprint_updated",
    "model_configs_info",
    "terminal_output",
    "server_log",
]
REQUESTS = [
    "generate_all",
    "generate",
    "deploy",
    "preview",
    "overwrite",
    "update_query",
    "runtime_error_found",
    "preview_failed",
    "capture_screenshot",
    "stop_generation",
    "resume_generation",
    "github_export",
    "user_suggestion",
    "clear_conversation",
    "get_conversation_state",
    "get_model_configs",
    "terminal_command",
]
PATCH_EVENTS = [
    "patch_requested",
    "patch_applied",
    "patch_validated",
    "patch_failed",
    "patch_reverted",
    "patch_exported",
]
EVENT = PatchEvent(patch_id="p1", file="src/a.ts", op="append")


def test_the_names_are_those_of_the_protocol() -> None:
    assert [name.value for name in ResponseName] == RESPONSES
    assert [name.value for name in RequestName] == REQUESTS
    assert [name.value for name in PatchEventName] == PATCH_EVENTS


@pytest.mark.parametrize("name", [*RESPONSES, *REQUESTS])
def test_every_name_travels_in_the_envelope(name: str) -> None:
    wire = json.dumps({"type": name, "payload": {"text": "a", "n": [1, None, 0.5]}})
    assert json.loads(Broadcast.model_validate_json(wire).model_dump_json()) == json.loads(wire)


@pytest.mark.parametrize("name", list(PatchEventName))
def test_a_patch_event_travels_with_its_event(name: PatchEventName) -> None:
    wire = Broadcast.of_patch(name, EVENT).model_dump_json()
    received = Broadcast.model_validate_json(wire)
    assert received.type is name
    assert PatchEvent.model_validate(received.payload) == EVENT


def test_a_message_may_say_nothing_but_its_name() -> None:
    assert Broadcast(type=RequestName.STOP_GENERATION).payload == {}


def test_a_name_that_goes_both_ways_compares_equal_to_both() -> None:
    received = Broadcast.model_validate({"type": "runtime_error_found"})
    assert received.type == RequestName.RUNTIME_ERROR_FOUND
    assert received.type == ResponseName.RUNTIME_ERROR_FOUND


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        ('{"type": "genrate_all"}', "'genrate_all' is no message name; did you mean 'generate_all'"),
        ('{"type": "zzz"}', "'zzz' is no message name$"),
        ('{"type": "GENERATE"}', "'GENERATE' is no message name"),
        ('{"type": 7}', "type: 7 is no message name$"),
        ("{}", "type: Field required"),
        ('{"type": "error", "payload": []}', "payload: Input should be an object"),
        ('{"type": "error", "payload": {}, "to": "all"}', "to: Extra inputs are not permitted"),
        (
            '{"type": "patch_applied", "payload": {"patch_id": "p1", "op": "append"}}',
            "payload of patch_applied is no PatchEvent: file: Field required",
        ),
    ],
)
def test_a_wrong_message_is_refused_with_its_reason(wire: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Broadcast.model_validate_json(wire)
    assert re.search(message, describe(caught.value))
