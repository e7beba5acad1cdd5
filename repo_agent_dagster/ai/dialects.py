"""How an answer of a given shape is asked for: by a schema where the endpoint knows that, else as plain JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from repo_agent_dagster.ai.answer_schema import answer_schema

Dialect = Literal["schema", "json"]
"""``schema``: structured output, which holds the model to the schema; ``json``: JSON mode, for endpoints without it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


def worded(messages: Sequence[Message], schema: type[BaseModel], dialect: Dialect) -> list[Message]:
    """Return the conversation as it is sent in a dialect: JSON mode does not send the schema, so its words must."""
    if dialect == "schema":
        return list(messages)
    shape = json.dumps(answer_schema(schema), ensure_ascii=False, separators=(",", ":"))
    told = f"Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{shape}"
    # Not a turn of its own: some models' templates refuse two turns of one role in a row.
    return [Message("system", f"{messages[0].content}\n\n{told}"), *messages[1:]]


def request(
    model: str, messages: Sequence[Message], schema: type[BaseModel], dialect: Dialect, max_tokens: int
) -> dict[str, Any]:
    """Return the body of a Chat Completions call."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in messages],
    }
    if dialect == "json":
        return body | {"response_format": {"type": "json_object"}, "max_tokens": max_tokens}
    shape = {"name": schema.__name__, "strict": True, "schema": answer_schema(schema)}
    return body | {
        "response_format": {"type": "json_schema", "json_schema": shape},
        "max_completion_tokens": max_tokens,
    }
