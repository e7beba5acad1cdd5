"""The base of every model: camelCase in JSON, snake_case in Python, unknown fields refused."""

from typing import Any, Self

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

    @classmethod
    def of_known(cls, **values: Any) -> Self:
        """Make an instance of values that are known to fit, every field among them: nothing is validated.

        For rows by the thousand that our own store gave: a sixth of the time that validating them takes, where
        `model_construct` takes twice as long as validating.
        """
        made = cls.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        object.__setattr__(made, "__pydantic_fields_set__", set(values))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


class SnakeContract(BaseModel):
    """A model whose JSON keeps snake_case, where the field's users gave the names so (events, database JSON)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
