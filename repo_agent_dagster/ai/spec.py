"""Which model is asked, where, and within which limits."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from repo_agent_dagster.settings import Settings


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """An endpoint that speaks the Chat Completions protocol, a model of it, and what may be spent on it.

    `timeout_seconds` and `max_tokens` bound one call and one answer; the budgets bound all that one `Provider` does.
    """

    model: str
    api_key: SecretStr
    base_url: str = "https://api.openai.com/v1"
    timeout_seconds: float = 120.0
    max_tokens: int = 16_384
    budget_tokens: int = 200_000
    budget_seconds: float = 600.0

    @property
    def name(self) -> str:
        """The endpoint's host, by which calls of it are logged."""
        return (urlsplit(self.base_url).hostname or "unknown")[:64]


def spec_of(settings: Settings) -> ProviderSpec | None:
    """Return the provider that the settings name; None without a model or a key: nothing is asked of a model then."""
    if not settings.ai_model.strip() or not settings.ai_api_key.get_secret_value().strip():
        return None
    return ProviderSpec(
        model=settings.ai_model.strip(),
        api_key=SecretStr(settings.ai_api_key.get_secret_value().strip()),
        base_url=settings.ai_base_url,
        timeout_seconds=settings.ai_timeout_seconds,
        max_tokens=settings.ai_max_tokens,
        budget_tokens=settings.ai_budget_tokens,
        budget_seconds=settings.ai_budget_seconds,
    )
