"""The JSON Schema of a model as structured output takes it: every field required, no others, shapes alone.

Endpoints differ in which constraints on values they know, and refuse a schema with one that they do not. So only the
shape is asked for; what else the model demands is checked when the answer is read.
"""

from functools import cache
from typing import Any

from pydantic import BaseModel

_KEPT = {"anyOf", "const", "description", "enum", "items", "type"}


@cache
def answer_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema that an answer is asked for by, with the names that the model has in JSON.

    Raises:
        TypeError: the model has a free-form object, which no strict schema can describe.
    """
    schema = model.model_json_schema(by_alias=True)
    shape = _shape(schema)
    if "$defs" in schema:
        shape["$defs"] = {name: _shape(definition) for name, definition in schema["$defs"].items()}
    return shape


def _shape(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}  # beside a reference strict schemas have nothing, not even a description
    kept = {key: value for key, value in schema.items() if key in _KEPT}
    if "oneOf" in schema:
        kept["anyOf"] = schema["oneOf"]
    if "anyOf" in kept:
        kept["anyOf"] = [_shape(option) for option in kept["anyOf"]]
    if "items" in kept:
        kept["items"] = _shape(kept["items"])
    if kept.get("type") == "object":
        if "properties" not in schema:
            raise TypeError(f"{schema.get('title', 'a field')} is an object without named fields; name them")
        properties = {name: _shape(field) for name, field in schema["properties"].items()}
        kept |= {"properties": properties, "required": list(properties), "additionalProperties": False}
    return kept
