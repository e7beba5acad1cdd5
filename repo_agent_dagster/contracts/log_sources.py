"""The file ``log-sources.yaml``: where logs come from. It names environment variables, and never holds a secret."""

import re
from ipaddress import ip_address
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.contracts.logs import LogKind

_SECRET_FIELDS = frozenset({"token", "password", "secret", "key", "api_key", "apikey", "authorization", "credentials"})
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_KEY_ID = re.compile(r"(?=.*\d)[A-Z0-9]{16,}")  # the shape of access key ids, which names of variables do not have
_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_SOURCE_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)


def _source_name(value: str) -> str:
    if not _SOURCE_NAME.fullmatch(value):
        raise ValueError("use letters, digits and . _ -, at most 100; rows are owned by this name, so never change it")
    return value


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value) or _KEY_ID.fullmatch(value):
        raise ValueError(
            "name an environment variable in capitals, such as PROXY_TOKEN; the token itself belongs into the variable"
        )
    return value


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("write an address that begins with https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("has credentials in it; put the token into an environment variable and name it as token_env")
    if parts.query or parts.fragment:
        raise ValueError("ends before ? and #; the path is added to it")
    return value.rstrip("/")


def _store_address(value: str) -> str:
    parts = urlsplit(value)
    if not parts.scheme or "://" not in value:
        raise ValueError("write a store's address with its prefix, such as s3://bucket/prefix")
    if parts.password is not None:
        raise ValueError("has credentials in it; object stores take theirs from the environment")
    return value


def _repository(value: str) -> str:
    if not _REPOSITORY.fullmatch(value):
        raise ValueError("write owner/name")
    return value


def _account(value: str) -> str:
    if not _ACCOUNT.fullmatch(value):
        raise ValueError("write the organisation's name as it stands in its address")
    return value


def is_loopback(address: str) -> bool:
    """Whether an address leads to this machine."""
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


SourceName = Annotated[str, AfterValidator(_source_name)]
VariableName = Annotated[str, AfterValidator(_variable)]
WebAddress = Annotated[str, AfterValidator(_web_address)]


class _SourceSpec(SnakeContract):
    name: SourceName = Field(description="The source's own name; stored lines are owned by it.")

    @model_validator(mode="before")
    @classmethod
    def _refuse_secrets(cls, told: Any) -> Any:
        named = _SECRET_FIELDS & {str(key).lower() for key in told} if isinstance(told, dict) else set()
        if named:
            raise ValueError(
                f"{min(named)} does not belong into this file: put the secret into an environment variable and name "
                "that as token_env"
            )
        return told


class DirectorySpec(_SourceSpec):
    """A folder of JSONL files on this machine."""

    kind: Literal["directory"]
    logs: LogKind = Field(description="What wrote the lines: worker or build.")
    folder: str = Field(min_length=1, description="The folder; a relative one counts from this file's.")


class ObjectStoreSpec(_SourceSpec):
    """JSONL files under a prefix of an object store; its credentials come from the environment."""

    kind: Literal["object-store"]
    logs: LogKind = Field(description="What wrote the lines: worker or build.")
    url: Annotated[str, AfterValidator(_store_address)] = Field(description="s3://…, gs://…, az://… with a prefix.")


class _HttpSpec(_SourceSpec):
    token_env: VariableName | None = Field(None, description="The environment variable that holds the token.")
    allow_plain_http: bool = Field(False, description="Whether the token may go over http to another machine.")
    longest_wait_seconds: int = Field(
        300, ge=1, le=7200, description="How long one wait that the server asks for may be; longer ones end the fetch."
    )

    def _refuse_open_token(self, url: str | None) -> None:
        if url and self.token_env and url.startswith("http:") and not (self.allow_plain_http or is_loopback(url)):
            raise ValueError(
                "the token would go over plain http: write https://, or allow_plain_http: true in a network you trust"
            )


class _ProxySpec(_HttpSpec):
    url: WebAddress = Field(description="The proxy's address, before /v1.")
    asks_for: Literal["window", "span"] = Field(
        "window", description="Whether it is asked by window=24h, or by since=… and until=…."
    )
    most_hours: int | None = Field(None, ge=1, le=24 * 366, description="How far back it can tell; empty: no limit.")

    @model_validator(mode="after")
    def _check_token(self) -> "_ProxySpec":
        self._refuse_open_token(self.url)
        return self


class LogProxySpec(_ProxySpec):
    """An HTTP service that tells workers' log lines: GET {url}/v1/logs/workers?window=24h."""

    kind: Literal["log-proxy"]


class ActionsProxySpec(_ProxySpec):
    """An HTTP service that tells builds' log lines: GET {url}/v1/actions/runs/logs?window=24h."""

    kind: Literal["actions-proxy"]


class GitHubActionsSpec(_HttpSpec):
    """GitHub Actions, read through GitHub's own API."""

    kind: Literal["github-actions"]
    repositories: tuple[Annotated[str, AfterValidator(_repository)], ...] = Field((), max_length=1000)
    organization: Annotated[str, AfterValidator(_account)] | None = None
    most_repositories: int = Field(100, ge=1, le=1000, description="How many of the organisation's are read at most.")
    api_url: WebAddress | None = Field(
        None, description="An Enterprise server's API (…/api/v3); empty: the setting github_api_url."
    )

    @model_validator(mode="after")
    def _check_place(self) -> "GitHubActionsSpec":
        if not self.repositories and not self.organization:
            raise ValueError("name repositories, or an organization")
        self._refuse_open_token(self.api_url)
        return self


SourceSpec = Annotated[
    DirectorySpec | ObjectStoreSpec | LogProxySpec | ActionsProxySpec | GitHubActionsSpec, Field(discriminator="kind")
]


class LogSourcesFile(SnakeContract):
    """The whole file."""

    sources: tuple[SourceSpec, ...] = Field(max_length=200)

    @model_validator(mode="after")
    def _check_names(self) -> "LogSourcesFile":
        if not self.sources:
            raise ValueError("names no source; remove the file to read the two folders of the settings")
        seen: set[str] = set()
        for source in self.sources:
            if source.name.lower() in seen:
                raise ValueError(
                    f"two sources are called {source.name}: rows are owned by the name, so give each its own"
                )
            seen.add(source.name.lower())
        return self
