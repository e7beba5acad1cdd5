"""The base of every model: camelCase in JSON, snake_case in Python, unknown fields refused."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Contract(BaseModel):
    """A model whose JSON is camelCase. Instances are frozen; unknown fields are an error, not silently dropped."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
    )


class SnakeContract(BaseModel):
    """A model whose JSON keeps snake_case, where the field's users gave the names so (events, database JSON)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
