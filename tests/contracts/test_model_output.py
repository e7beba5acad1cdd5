"""What models and people send: JSON names to the letter, no loss on the way, wrong input refused with a reason."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from repo_agent_dagster.contracts.blueprints import Blueprint, BlueprintLite
from repo_agent_dagster.contracts.conversation import ConversationalResponse
from repo_agent_dagster.contracts.goals import GoalRole, GoalRunStatus, GoalTaskStatus, Verdict
from repo_agent_dagster.contracts.patches import PatchBatch, PatchEvent, PatchOperation
from repo_agent_dagster.contracts.phases import (
    DocumentationOutput,
    FileConcept,
    FileGenerationOutput,
    FileOutput,
    PhaseConcept,
    PhaseConceptGeneration,
    PhaseConceptLite,
    PhaseImplementation,
    SetupCommands,
)
from repo_agent_dagster.contracts.problems import describe
from repo_agent_dagster.contracts.reviews import CodeReviewOutput, ScreenshotAnalysis
from repo_agent_dagster.contracts.templates import Complexity, StyleSelection, TemplateSelection, UseCase

FILE = {"filePath": "src/a.ts", "fileContents": "export {}\n", "filePurpose": "entry"}
CONCEPT = {"path": "src/a.ts", "purpose": "entry", "changes": None}
PHASE = {"name": "Core", "description": "the first", "files": [CONCEPT], "lastPhase": False}
TEMPLATE = {
    "selectedTemplateName": "vite",
    "reasoning": "fits",
    "useCase": "SaaS Product Website",
    "complexity": "moderate",
    "styleSelection": "Kid_Playful",
    "projectName": "shop",
}
REVIEW = {
    "dependenciesNotMet": ["zod"],
    "issuesFound": True,
    "frontendIssues": [],
    "backendIssues": ["no auth"],
    "filesToFix": [{"filePath": "src/a.ts", "issues": ["x"], "require_code_changes": True}],
    "commands": ["npm i zod"],
}
SCREENSHOT = {
    "hasIssues": True,
    "issues": ["overlap"],
    "suggestions": ["wrap"],
    "uiCompliance": {"matchesBlueprint": False, "deviations": ["no footer"]},
}
BLUEPRINT_LITE = {
    "title": "Shop",
    "projectName": "shop",
    "detailedDescription": "long",
    "description": "short",
    "colorPalette": ["#fff"],
    "views": [{"name": "home", "description": "first"}],
    "userFlow": {"uiLayout": "grid", "uiDesign": "plain", "userJourney": "buy"},
    "dataFlow": "a to b",
    "architecture": {"dataFlow": "b to a"},
    "pitfalls": ["time zones"],
    "frameworks": ["react"],
    "implementationRoadmap": [{"phase": "1", "description": "core"}],
}
BATCH = {
    "orderId": "42",
    "requester": "agent",
    "reason": "",
    "branch": "",
    "phase": None,
    "patches": [
        {"op": "replace-block", "file": "a", "start": 1, "end": 2, "blockFile": "b.txt", "openSpace": True},
        {"op": "insert-before", "file": "a", "line": 1, "block": "x", "taskId": "t"},
        {"op": "insert-after", "file": "a", "line": 9, "block": "x"},
        {"op": "append", "file": "a", "block": ""},
        {"op": "prepend", "file": "a", "block": "x"},
    ],
}

# Whole messages: what comes out again is exactly what went in.
EXAMPLES: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (TemplateSelection, TEMPLATE),
    (TemplateSelection, TEMPLATE | dict.fromkeys(["selectedTemplateName", "useCase", "complexity", "styleSelection"])),
    (FileOutput, FILE),
    (FileConcept, CONCEPT),
    (FileConcept, CONCEPT | {"changes": "rename"}),
    (PhaseConcept, PHASE),
    (PhaseConceptLite, {"name": "Core", "description": "the first"}),
    (FileGenerationOutput, FILE | {"format": "unified_diff"}),
    (FileGenerationOutput, FILE | {"format": "full_content"}),
    (PhaseConceptGeneration, PHASE | {"installCommands": ["npm i"]}),
    (PhaseImplementation, {"files": [FILE], "deploymentNeeded": True, "commands": ["npm run build"]}),
    (DocumentationOutput, {"content": "# Title", "source": "README.md"}),
    (CodeReviewOutput, REVIEW),
    (Blueprint, BLUEPRINT_LITE | {"initialPhase": PHASE}),
    (BlueprintLite, BLUEPRINT_LITE),
    (SetupCommands, {"commands": ["npm ci"]}),
    (ScreenshotAnalysis, SCREENSHOT),
    (ConversationalResponse, {"userResponse": "Done."}),
    (
        PatchEvent,
        {
            "patch_id": "p",
            "file": "a",
            "op": "append",
            "task_id": None,
            "ts_check_ok": None,
            "diff_path": None,
            "meta": {"added": 1},
            "ts": "2026-03-04T09:30:00Z",
        },
    ),
]


@pytest.mark.parametrize(("model", "wire"), EXAMPLES, ids=[model.__name__ for model, _ in EXAMPLES])
def test_a_message_comes_out_as_it_went_in(model: type[BaseModel], wire: dict[str, Any]) -> None:
    parsed = model.model_validate_json(json.dumps(wire))
    assert json.loads(parsed.model_dump_json()) == wire
    assert model.model_validate(parsed.model_dump()) == parsed


@pytest.mark.parametrize("model", sorted({model for model, _ in EXAMPLES}, key=lambda model: model.__name__))
def test_a_field_that_the_model_does_not_know_is_refused(model: type[BaseModel]) -> None:
    wire = next(wire for known, wire in EXAMPLES if known is model)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model.model_validate(wire | {"surprise": 1})


def test_a_batch_comes_out_with_the_wire_names_that_it_came_with() -> None:
    parsed = PatchBatch.model_validate(BATCH)
    out = json.loads(parsed.model_dump_json(exclude_unset=True))
    assert out == BATCH


def test_python_names_are_accepted_too() -> None:
    assert FileOutput(file_path="a", file_contents="", file_purpose="").model_dump_json() == (
        '{"filePath":"a","fileContents":"","filePurpose":""}'
    )


def test_the_choices_are_those_of_the_protocol() -> None:
    assert [choice.value for choice in UseCase] == [
        "SaaS Product Website",
        "Dashboard",
        "Blog",
        "Portfolio",
        "E-Commerce",
        "General",
        "Other",
    ]
    assert [choice.value for choice in Complexity] == ["simple", "moderate", "complex"]
    assert [choice.value for choice in StyleSelection] == [
        "Minimalist Design",
        "Brutalism",
        "Retro",
        "Illustrative",
        "Kid_Playful",
        "Custom",
    ]
    assert [role.value for role in GoalRole] == ["strategy", "implementation", "checker"]
    assert [status.value for status in GoalRunStatus] == ["running", "waiting", "success", "failed", "cancelled"]
    assert [status.value for status in GoalTaskStatus] == [
        "pending",
        "in_progress",
        "completed",
        "blocked",
        "abandoned",
    ]
    assert [verdict.value for verdict in Verdict] == ["approved", "rejected"]


def _without(wire: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in wire.items() if name != field}


def _to_fix(**changes: Any) -> dict[str, Any]:
    return REVIEW | {"filesToFix": [{"filePath": "a", "issues": [], "require_code_changes": True} | changes]}


def _batch(**patch: Any) -> dict[str, Any]:
    return {"patches": [{"op": "replace-block", "file": "a", "start": 1, "end": 1, "block": "x"} | patch]}


WRONG: list[tuple[type[BaseModel], Any, str]] = [
    (TemplateSelection, _without(TEMPLATE, "reasoning"), "reasoning: Field required"),
    (TemplateSelection, TEMPLATE | {"projectName": ""}, "projectName: String should have at least 1 character"),
    (TemplateSelection, TEMPLATE | {"useCase": "blog"}, "useCase: Input should be 'SaaS Product Website', 'Dashboard'"),
    (TemplateSelection, TEMPLATE | {"complexity": "hard"}, "complexity: Input should be 'simple', 'moderate' or"),
    (TemplateSelection, TEMPLATE | {"styleSelection": "Kid Playful"}, "styleSelection: Input should be 'Minimalist"),
    (TemplateSelection, TEMPLATE | {"selectedTemplateName": 7}, "selectedTemplateName: Input should be a valid string"),
    (FileOutput, FILE | {"filePath": ""}, "filePath: String should have at least 1 character"),
    (FileOutput, FILE | {"fileContents": None}, "fileContents: Input should be a valid string"),
    (FileOutput, _without(FILE, "filePurpose"), "filePurpose: Field required"),
    (FileOutput, "src/a.ts", "Input should be a valid dictionary"),
    (FileConcept, {"purpose": "x"}, "path: Field required"),
    (PhaseConcept, PHASE | {"files": CONCEPT}, "files: Input should be a valid list"),
    (PhaseConcept, PHASE | {"files": [CONCEPT, {"path": "b"}]}, "files[1].purpose: Field required"),
    (PhaseConcept, PHASE | {"lastPhase": "perhaps"}, "lastPhase: Input should be a valid boolean"),
    (PhaseConceptLite, PHASE, "files: Extra inputs are not permitted; lastPhase: Extra inputs are not permitted"),
    (FileGenerationOutput, FILE, "format: Field required"),
    (FileGenerationOutput, FILE | {"format": "diff"}, "format: Input should be 'full_content' or 'unified_diff'"),
    (PhaseConceptGeneration, PHASE, "installCommands: Field required"),
    (PhaseConceptGeneration, PHASE | {"installCommands": "npm i"}, "installCommands: Input should be a valid list"),
    (PhaseImplementation, {"files": [], "commands": []}, "deploymentNeeded: Field required"),
    (SetupCommands, {"commands": [""]}, "commands[0]: String should have at least 1 character"),
    (SetupCommands, {"commands": None}, "commands: Input should be a valid list"),
    (DocumentationOutput, {"content": "x"}, "source: Field required"),
    (CodeReviewOutput, REVIEW | {"issuesFound": 2}, "issuesFound: Input should be a valid boolean"),
    (CodeReviewOutput, _to_fix(requireCodeChanges=True), "filesToFix[0].requireCodeChanges: Extra inputs"),
    (CodeReviewOutput, _to_fix(require_code_changes=None), "filesToFix[0].require_code_changes: Input should be"),
    (CodeReviewOutput, _to_fix(issues="x"), "filesToFix[0].issues: Input should be a valid list"),
    (Blueprint, BLUEPRINT_LITE, "initialPhase: Field required"),
    (Blueprint, BLUEPRINT_LITE | {"initialPhase": {}}, "initialPhase.name: Field required"),
    (BlueprintLite, BLUEPRINT_LITE | {"views": [{"name": "x"}]}, "views[0].description: Field required"),
    (BlueprintLite, BLUEPRINT_LITE | {"userFlow": {}}, "userFlow.uiLayout: Field required"),
    (BlueprintLite, BLUEPRINT_LITE | {"architecture": "x"}, "architecture: Input should be a valid dictionary"),
    (ScreenshotAnalysis, SCREENSHOT | {"uiCompliance": {"deviations": []}}, "uiCompliance.matchesBlueprint: Field"),
    (ConversationalResponse, {"userResponse": ""}, "userResponse: String should have at least 1 character"),
    (ConversationalResponse, {"user_responses": "x"}, "userResponse: Field required"),
    (PatchBatch, {"patches": []}, "patches: List should have at least 1 item"),
    (PatchBatch, _batch(start=0), "patches[0].replace-block.start: Input should be greater than 0"),
    (PatchBatch, _batch(start=3, end=2), "patches[0].replace-block: start 3 is after end 2"),
    (PatchBatch, _batch(blockFile="b"), "patches[0].replace-block: give exactly one of block and blockFile"),
    (PatchBatch, _batch(block=None), "patches[0].replace-block: give exactly one of block and blockFile"),
    (PatchBatch, _batch(op="replace"), "patches[0]: Input tag 'replace' found using 'op' does not match any of"),
    (PatchBatch, _batch() | {"requester": ""}, "requester: String should have at least 1 character"),
]


@pytest.mark.parametrize(
    ("model", "wire", "message"), WRONG, ids=[f"{model.__name__}-{message[:50]}" for model, _, message in WRONG]
)
def test_wrong_input_is_refused_where_it_is_wrong(model: type[BaseModel], wire: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(wire)
    assert describe(caught.value).startswith(message)


def test_an_operation_is_told_by_its_op() -> None:
    operation: Any = TypeAdapter(PatchOperation).validate_python({"op": "append", "file": "a", "block": "x"})
    assert type(operation).__name__ == "Append"
