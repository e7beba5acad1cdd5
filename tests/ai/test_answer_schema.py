"""The schema that an answer is asked for by is one that strict endpoints take, whatever the model has."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from repo_agent_dagster.ai.answer_schema import answer_schema
from repo_agent_dagster.ai.proposed_patches import ProposedBatch
from repo_agent_dagster.contracts.patches import PatchBatch


class Free(BaseModel):
    values: dict[str, int]


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from nodes(value)


@pytest.mark.parametrize("model", [ProposedBatch, PatchBatch])
def test_every_object_is_closed_and_all_of_its_fields_are_required(model: type[BaseModel]) -> None:
    objects = [node for node in nodes(answer_schema(model)) if node.get("type") == "object"]

    assert objects
    for node in objects:
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])


@pytest.mark.parametrize("model", [ProposedBatch, PatchBatch])
def test_nothing_stands_beside_a_reference_and_every_reference_leads_somewhere(model: type[BaseModel]) -> None:
    schema = answer_schema(model)
    references = [node for node in nodes(schema) if "$ref" in node]

    assert references
    for node in references:
        assert list(node) == ["$ref"]
        assert node["$ref"].removeprefix("#/$defs/") in schema["$defs"]


def test_what_endpoints_do_not_agree_on_is_left_out() -> None:
    text = str(answer_schema(PatchBatch))

    for keyword in ("oneOf", "discriminator", "exclusiveMinimum", "minLength", "minItems", "pattern'", "default"):
        assert keyword not in text


def test_a_free_form_object_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="without named fields"):
        answer_schema(Free)
