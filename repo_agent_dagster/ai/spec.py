"""Which model is asked, where, and within which limits."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from repo_agent_dagster.ai.faults import ProviderRefused
from repo_agent_dagster.settings import Settings


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """An endpoint that speaks the Chat Completions protocol, a model of it, and what may be spent on it.

    `timeout_seconds` and `max_tokens` bound one call and one answer; the budgets bound all that one `Provider` does.

    Raises:
        ProviderRefused: the address or the key can never be right.
    """

    model: str
    api_key: SecretStr
    base_url: str = "https://api.openai.com/v1"
    timeout_seconds: float = 120.0
    max_tokens: int = 16_384
    budget_tokens: int = 200_000
    budget_seconds: float = 600.0

    def __post_init__(self) -> None:
        if not _is_address(self.base_url):
            raise ProviderRefused("ai_base_url is no http or https address, or holds a password; see docs/ai.md")
        key = self.api_key.get_secret_value()
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ProviderRefused("ai_api_key has characters that no key has; was more pasted than the key?")

    @property
    def name(self) -> str:
        """The endpoint's host, by which calls of it are logged."""
        return (urlsplit(self.base_url).hostname or "unknown")[:64]


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no IPv6 address
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


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
