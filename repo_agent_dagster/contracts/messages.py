"""The names of the WebSocket messages, to the letter, and the envelope that every message travels in.

The names are a protocol with clients that we do not own: none may be renamed, and a new one is only ever added.
"""

from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, JsonValue, ValidationError, model_validator

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.contracts.patches import PatchEvent, PatchEventName
from repo_agent_dagster.contracts.problems import describe


class ResponseName(StrEnum):
    """What the server tells its clients."""

    GENERATION_STARTED = "generation_started"
    GENERATION_COMPLETE = "generation_complete"
    PHASE_GENERATING = "phase_generating"
    PHASE_GENERATED = "phase_generated"
    PHASE_IMPLEMENTING = "phase_implementing"
    PHASE_IMPLEMENTED = "phase_implemented"
    PHASE_VALIDATING = "phase_validating"
    PHASE_VALIDATED = "phase_validated"
    FILE_CHUNK_GENERATED = "file_chunk_generated"
    FILE_GENERATING = "file_generating"
    FILE_GENERATED = "file_generated"
    FILE_REGENERATING = "file_regenerating"
    FILE_REGENERATED = "file_regenerated"
    RUNTIME_ERROR_FOUND = "runtime_error_found"
    STATIC_ANALYSIS_RESULTS = "static_analysis_results"
    DEPLOYMENT_STARTED = "deployment_started"
    DEPLOYMENT_COMPLETED = "deployment_completed"
    DEPLOYMENT_FAILED = "deployment_failed"
    PREVIEW_FORCE_REFRESH = "preview_force_refresh"
    CLOUDFLARE_DEPLOYMENT_STARTED = "cloudflare_deployment_started"
    CLOUDFLARE_DEPLOYMENT_COMPLETED = "cloudflare_deployment_completed"
    CLOUDFLARE_DEPLOYMENT_ERROR = "cloudflare_deployment_error"
    SCREENSHOT_CAPTURE_STARTED = "screenshot_capture_started"
    SCREENSHOT_CAPTURE_SUCCESS = "screenshot_capture_success"
    SCREENSHOT_CAPTURE_ERROR = "screenshot_capture_error"
    SCREENSHOT_ANALYSIS_RESULT = "screenshot_analysis_result"
    ERROR = "error"
    RATE_LIMIT_ERROR = "rate_limit_error"
    CODE_REVIEWING = "code_reviewing"
    CODE_REVIEWED = "code_reviewed"
    COMMAND_EXECUTING = "command_executing"
    COMMAND_EXECUTED = "command_executed"
    COMMAND_EXECUTION_FAILED = "command_execution_failed"
    GENERATION_STOPPED = "generation_stopped"
    GENERATION_RESUMED = "generation_resumed"
    DETERMINISTIC_CODE_FIX_STARTED = "deterministic_code_fix_started"
    DETERMINISTIC_CODE_FIX_COMPLETED = "deterministic_code_fix_completed"
    GITHUB_EXPORT_STARTED = "github_export_started"
    GITHUB_EXPORT_PROGRESS = "github_export_progress"
    GITHUB_EXPORT_COMPLETED = "github_export_completed"
    GITHUB_EXPORT_ERROR = "github_export_error"
    USER_SUGGESTIONS_PROCESSING = "user_suggestions_processing"
    CONVERSATION_RESPONSE = "conversation_response"
    CONVERSATION_CLEARED = "conversation_cleared"
    CONVERSATION_STATE = "conversation_state"
    PROJECT_NAME_UPDATED = "project_name_updated"
    BLUEPRINT_UPDATED = "blueprint_updated"
    MODEL_CONFIGS_INFO = "model_configs_info"
    TERMINAL_OUTPUT = "terminal_output"
    SERVER_LOG = "server_log"


class RequestName(StrEnum):
    """What a client asks of the server."""

    GENERATE_ALL = "generate_all"
    GENERATE = "generate"
    DEPLOY = "deploy"
    PREVIEW = "preview"
    OVERWRITE = "overwrite"
    UPDATE_QUERY = "update_query"
    RUNTIME_ERROR_FOUND = "runtime_error_found"
    PREVIEW_FAILED = "preview_failed"
    CAPTURE_SCREENSHOT = "capture_screenshot"
    STOP_GENERATION = "stop_generation"
    RESUME_GENERATION = "resume_generation"
    GITHUB_EXPORT = "github_export"
    USER_SUGGESTION = "user_suggestion"
    CLEAR_CONVERSATION = "clear_conversation"
    GET_CONVERSATION_STATE = "get_conversation_state"
    GET_MODEL_CONFIGS = "get_model_configs"
    TERMINAL_COMMAND = "terminal_command"


# `runtime_error_found` goes both ways; as a bare name it is read as the response.
_BY_NAME: dict[str, ResponseName | RequestName | PatchEventName] = {
    str(name): name for kind in (PatchEventName, RequestName, ResponseName) for name in kind
}


def _known(name: Any) -> ResponseName | RequestName | PatchEventName:
    """Return the member with this name, or say which name was probably meant."""
    if isinstance(name, ResponseName | RequestName | PatchEventName):
        return name
    if isinstance(name, str) and name in _BY_NAME:
        return _BY_NAME[name]
    near = get_close_matches(str(name), _BY_NAME, n=1)
    raise ValueError(f"{name!r} is no message name" + (f"; did you mean {near[0]!r}?" if near else ""))


MessageName = Annotated[ResponseName | RequestName | PatchEventName, BeforeValidator(_known)]


class Broadcast(SnakeContract):
    """One message on the wire: its name, and what it says. The payload of a patch event is a `PatchEvent`."""

    type: MessageName
    payload: Annotated[
        dict[str, JsonValue],
        Field(default_factory=dict, description="A JSON object; empty when there is nothing to say."),
    ]

    @model_validator(mode="after")
    def _carries_what_it_names(self) -> Self:
        if isinstance(self.type, PatchEventName):
            try:
                PatchEvent.model_validate(self.payload)
            except ValidationError as error:
                raise ValueError(f"payload of {self.type} is no PatchEvent: {describe(error)}") from error
        return self

    @classmethod
    def of_patch(cls, name: PatchEventName, event: PatchEvent) -> Self:
        """Return the message that tells of one step of a patch."""
        return cls(type=name, payload=event.model_dump(mode="json"))
