"""Every model has a JSON Schema, and its field names are what other languages were told."""

import json

import pytest

from repo_agent_dagster.contracts.schemas import UnknownContractError, all_schemas, json_schema, models

# The names that the wire knows; `?` marks those that may be left out. A change here is a change of protocol.
FIELDS = {
    "Architecture": "dataFlow",
    "BlueprintLite": (
        "title projectName detailedDescription description colorPalette views userFlow dataFlow architecture pitfalls"
        " frameworks implementationRoadmap"
    ),
    "Blueprint": (
        "title projectName detailedDescription description colorPalette views userFlow dataFlow architecture pitfalls"
        " frameworks implementationRoadmap initialPhase"
    ),
    "Broadcast": "type payload?",
    "CodeReviewOutput": "dependenciesNotMet issuesFound frontendIssues backendIssues filesToFix commands",
    "ConversationalResponse": "userResponse",
    "DocumentationOutput": "content source",
    "FileConcept": "path purpose changes?",
    "FileGenerationOutput": "filePath fileContents filePurpose format",
    "FileOutput": "filePath fileContents filePurpose",
    "FileToFix": "filePath issues require_code_changes",
    "PatchBatch": "orderId? requester? reason? branch? phase? coordinates? allowedPaths? check? dryRun? patches",
    "PatchEvent": "patch_id file op task_id? ts_check_ok? diff_path? meta? ts?",
    "PhaseConcept": "name description files lastPhase",
    "PhaseConceptGeneration": "name description files lastPhase installCommands",
    "PhaseConceptLite": "name description",
    "PhaseImplementation": "files deploymentNeeded commands",
    "RoadmapPhase": "phase description",
    "ScreenshotAnalysis": "hasIssues issues suggestions uiCompliance",
    "SetupCommands": "commands",
    "TemplateSelection": "selectedTemplateName? reasoning useCase? complexity? styleSelection? projectName",
    "UiCompliance": "matchesBlueprint deviations",
    "UserFlow": "uiLayout uiDesign userJourney",
    "View": "name description",
}


@pytest.mark.parametrize("name", FIELDS)
def test_the_fields_of_a_schema_are_those_of_the_wire(name: str) -> None:
    schema = json_schema(name)
    fields = [field if field in schema.get("required", []) else f"{field}?" for field in schema["properties"]]
    assert fields == FIELDS[name].split()


def test_every_model_has_a_schema_that_is_json_and_refuses_other_fields() -> None:
    schemas = all_schemas()
    assert FIELDS.keys() < schemas.keys()
    assert json.loads(json.dumps(schemas)) == schemas
    assert [name for name in models() if schemas[name]["additionalProperties"] is not False] == []


def test_the_union_of_operations_is_told_apart_by_op() -> None:
    assert json_schema("PatchOperation")["discriminator"]["propertyName"] == "op"


def test_every_model_says_in_a_sentence_what_it_is() -> None:
    assert [name for name, model in models().items() if not (model.__doc__ or "").strip()] == []


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownContractError, match=r"there is no contract 'Nothing'; there are .*PatchBatch"):
        json_schema("Nothing")
