"""No model is asked unless one is configured, and nothing of it is loaded until then."""

import subprocess
import sys

import pytest

from repo_agent_dagster.ai import ProviderRefused, ProviderSpec, spec_of
from repo_agent_dagster.settings import Settings


def settings(**values: object) -> Settings:
    return Settings.model_validate(values)


@pytest.mark.parametrize("values", [{}, {"ai_model": "m-1"}, {"ai_api_key": "k"}, {"ai_model": " ", "ai_api_key": "k"}])
def test_without_a_model_and_a_key_there_is_no_provider(
    values: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-somebody-else")

    assert spec_of(settings(**values)) is None


def test_the_settings_name_the_provider_and_its_limits() -> None:
    spec = spec_of(
        settings(
            ai_model="m-1",
            ai_api_key="the-key\n",
            ai_base_url="http://127.0.0.1:9/v1",
            ai_budget_tokens=9,
            ai_max_tokens=300,
        )
    )

    assert spec is not None
    assert (spec.model, spec.api_key.get_secret_value(), spec.name) == ("m-1", "the-key", "127.0.0.1")
    assert (spec.budget_tokens, spec.max_tokens) == (9, 300)
    assert "the-key" not in repr(spec)


def test_the_defaults_of_the_settings_are_those_of_the_spec() -> None:
    spec = spec_of(settings(ai_model="m", ai_api_key="k"))

    assert spec is not None
    assert spec == ProviderSpec(spec.model, spec.api_key)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:9", "ftp://h", "http://", "http://[x", "http://bob:hunter2@127.0.0.1/v1"]
)
def test_an_address_that_can_never_be_right_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ProviderRefused, match="ai_base_url") as caught:
        spec_of(settings(ai_model="m", ai_api_key="k", ai_base_url=url))

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "k\u2026", "k\nk"])
def test_a_key_that_can_never_be_right_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ProviderRefused, match="ai_api_key") as caught:
        spec_of(settings(ai_model="m", ai_api_key=key))

    assert key not in str(caught.value)


def test_importing_the_engine_loads_neither_the_client_nor_the_templates() -> None:
    code = "import sys, repo_agent_dagster.ai; print([name for name in ('openai', 'jinja2') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
