"""What a model says to the person it works for."""

from typing import Annotated

from pydantic import Field

from repo_agent_dagster.contracts.base import Contract


class ConversationalResponse(Contract):
    """The answer that is shown to the user."""

    user_response: Annotated[str, Field(min_length=1)]
