"""A model on loopback, and a short way to make a provider of it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random
from typing import Any

import pytest
from pydantic import SecretStr

from repo_agent_dagster.ai import Provider, ProviderSpec
from repo_agent_dagster.store.ai_logs import AiCall
from tests.ai.endpoint_server import ModelServer, serving

KEY = "test-key-of-the-endpoint"


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with serving() as server:
        yield server


@pytest.fixture
def calls() -> list[AiCall]:
    """What was recorded."""
    return []


@pytest.fixture
def pauses() -> list[float]:
    """The waits between calls, in seconds; none is really waited for."""
    return []


MakeProvider = Callable[..., Provider]


@pytest.fixture
def provider(model: ModelServer, now: datetime, calls: list[AiCall], pauses: list[float]) -> MakeProvider:
    """Make a provider of the loopback endpoint; values of its spec by name."""

    def make(**spec: Any) -> Provider:
        return Provider(
            ProviderSpec(**{"model": "m-1", "api_key": SecretStr(KEY), "base_url": model.url, **spec}),
            clock=lambda: now,
            record=calls.append,
            pause=pauses.append,
            chance=Random(7),
        )

    return make
