"""Every setting: its type, its environment name (``REPO_AGENT_`` + the field's name), its default and its meaning.

Engines never read the environment; faces and wiring load `Settings` once and pass values on.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

NetworkPolicy = Literal["none", "setup-only", "allowlist", "full"]


class Settings(BaseSettings):
    """The whole configuration. Paths are made absolute against the working directory when they are loaded."""

    model_config = SettingsConfigDict(env_prefix="REPO_AGENT_", extra="ignore", frozen=True)

    home: Path = Field(Path(".repo_agent"), description="Folder for everything the system writes by itself.")
    database_url: str = Field(
        "",
        description="SQLAlchemy URL of the store: sqlite:///… or postgresql://…; empty means `home`/repo_agent.db.",
    )

    marker_opening: str = Field(
        "###FINAL_MILE_PROMPT__{name}###",
        description="What opens a marker's region in a line of a file; {name} stands for the marker's name.",
    )
    marker_closing: str = Field("###END_{name}###", description="What closes a marker's region.")

    staging_dir: Path | None = Field(None, description="Folder watched for units; default `home`/STAGING.")
    migration_target: Path | None = Field(None, description="Root that units migrate into; default `home`/monorepo.")
    staging_settle_seconds: float = Field(
        10.0, ge=0, description="A unit counts as settled when its content did not change for this many seconds."
    )

    migration_approval: bool = Field(
        False, description="Whether a person must approve a migration's plan where its manifest does not say."
    )
    migration_parser: Literal["auto", "typescript", "ast-grep"] = Field(
        "auto",
        description="Who reads TypeScript: its own parser in a sandbox, or ast-grep; auto: its own where a sandbox is.",
    )

    worker_log_dir: Path | None = Field(None, description="JSONL logs of workers; default `home`/logs/workers.")
    build_log_dir: Path | None = Field(None, description="JSONL logs of builds; default `home`/logs/builds.")

    sandbox_image: str = Field("repo-agent/sandbox:latest", description="Image that task sandboxes start from.")
    sandbox_allowed_images: str = Field(
        "",
        description="Comma-separated globs of further images that a repository's recipe may ask for, e.g. acme/ci:*.",
    )
    sandbox_user: str = Field("agent", description="User inside the sandbox; root is refused.")
    sandbox_cpus: float = Field(1.0, gt=0, description="CPUs per sandbox.")
    sandbox_memory_mb: int = Field(
        2048, ge=64, description="Memory per sandbox in MiB, with the files in it; swap is off."
    )
    sandbox_pids: int = Field(256, ge=16, description="Processes and threads per sandbox.")
    sandbox_disk_mb: int = Field(
        2048,
        ge=64,
        description="Size of a sandbox's writable folders in MiB; at most 3/4 of its memory, which they use.",
    )
    sandbox_deadline_seconds: int = Field(1800, ge=10, description="A sandbox ends itself after this many seconds.")
    sandbox_network: NetworkPolicy = Field(
        "setup-only",
        description="Network of a sandbox: never, only while dependencies are installed, some hosts alone, or always.",
    )
    sandbox_allowed_hosts: str = Field(
        "package-indexes",
        description="Comma-separated hosts for the network `allowlist`: name, name:port, *.name, or package-indexes.",
    )
    sandbox_log_cap_kb: int = Field(
        4096, ge=16, description="Output of one command kept in the database, in KiB; the whole goes to the artifacts."
    )

    artifacts_url: str = Field(
        "",
        description="Where artifacts are kept: s3://…, gs://…, az://… or a folder; empty means `home`/artifacts.",
    )

    script_delivery: Literal["put", "url"] = Field(
        "put",
        description="How our scripts get into a sandbox: put there, or fetched by it with a signed URL.",
    )

    check_timeout_seconds: float = Field(
        300.0, gt=0, description="A command of a check that runs longer is ended, and the batch taken back."
    )
    check_memory_mb: int = Field(2048, ge=64, description="Memory of a check's sandbox in MiB, with the files in it.")
    check_copy_mb: int = Field(512, ge=1, description="Files of a workspace that a check's sandbox takes, in MiB.")

    repo_protocols: str = Field(
        "https,ssh", description="Comma-separated protocols a repository may be fetched by; add `file` for local ones."
    )
    git_credential_helper: str = Field(
        "",
        description="Credential helper for fetching repositories, as git's credential.helper takes it, besides the "
        "host's own ones.",
    )
    mirror_budget_mb: int = Field(
        20_480, ge=0, description="Mirrors of repositories kept in all, in MiB; the ones unused for longest go first."
    )
    repository_max_mb: int = Field(4096, ge=1, description="A repository that is larger, in MiB, is not fetched.")
    setup_cache_mb: int = Field(
        10_240, ge=0, description="Room for what set-ups installed, kept for the next task, in MiB; 0 keeps nothing."
    )
    base_image: str = Field("debian:bookworm-slim", description="Registry image that the sandbox image is built on.")

    notify_url: str = Field(
        "",
        description="URL that every patch event is posted to, http or https; empty posts none (see `notifications`).",
    )
    notify_secret: SecretStr = Field(
        SecretStr(""),
        description="Secret that posted events are signed with (HMAC-SHA256); empty leaves them unsigned.",
    )

    ai_model: str = Field(
        "", description="Model that is asked what no rule can do; without it and `ai_api_key` no model is asked."
    )
    ai_api_key: SecretStr = Field(
        SecretStr(""), description="Key of the model's endpoint; one that wants none takes any word."
    )
    ai_base_url: str = Field(
        "https://api.openai.com/v1",
        description="Endpoint that speaks the Chat Completions protocol, up to its version.",
    )
    ai_timeout_seconds: float = Field(120.0, gt=0, description="A call of the model that takes longer is given up.")
    ai_max_tokens: int = Field(16_384, ge=256, description="Tokens that one answer of the model may have.")
    ai_budget_tokens: int = Field(
        200_000, ge=0, description="Tokens, of prompts and answers, that one piece of work may cost."
    )
    ai_budget_seconds: float = Field(
        600.0, ge=0, description="Seconds that one piece of work may spend on the model, with waits between calls."
    )

    webserver_host: str = Field("127.0.0.1", description="Address the Dagster UI listens on.")
    webserver_port: int = Field(3000, ge=0, le=65535, description="Port of the Dagster UI; 0 takes a free one.")

    api_host: str = Field("127.0.0.1", description="Address that `repo-agent api` listens on.")
    api_port: int = Field(8765, ge=0, le=65535, description="Port of `repo-agent api`; 0 takes a free one.")
    api_token: SecretStr = Field(
        SecretStr(""),
        description="Token that clients of the HTTP API send; empty serves this machine's own clients only.",
    )
    api_allowed_hosts: str = Field(
        "",
        description="Comma-separated names that clients may call the HTTP API by, besides addresses and localhost.",
    )

    @field_validator("home", "staging_dir", "migration_target", "worker_log_dir", "build_log_dir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store, with the default filled in."""
        return self.database_url or f"sqlite:///{self.home / 'repo_agent.db'}"

    @property
    def staging(self) -> Path:
        """Folder watched for units."""
        return self.staging_dir or self.home / "STAGING"

    @property
    def target_root(self) -> Path:
        """Root that units migrate into."""
        return self.migration_target or self.home / "monorepo"

    @property
    def worker_logs(self) -> Path:
        """Folder of the workers' JSONL logs."""
        return self.worker_log_dir or self.home / "logs" / "workers"

    @property
    def build_logs(self) -> Path:
        """Folder of the builds' JSONL logs."""
        return self.build_log_dir or self.home / "logs" / "builds"

    @property
    def log_quarantine(self) -> Path:
        """Folder of the log lines that could not be read, each with its number and reason."""
        return self.home / "quarantine"

    @property
    def artifacts(self) -> Path:
        """Folder of whole logs and other large results."""
        return self.home / "artifacts"

    @property
    def artifact_store(self) -> str:
        """Folder or URL of the artifact store, with the default filled in."""
        return self.artifacts_url or str(self.artifacts)

    @property
    def staging_cache(self) -> Path:
        """Folder of what scans of the STAGING folder remember; safe to lose."""
        return self.home / "staging-cache"

    @property
    def migration_bases(self) -> Path:
        """Folder of what migrations brought last: the bases of three-way merges."""
        return self.artifacts / "migration-bases"

    @property
    def reports(self) -> Path:
        """Folder of the HTML delivery reports."""
        return self.home / "reports"

    @property
    def mirrors(self) -> Path:
        """Folder of the bare mirrors of repositories."""
        return self.home / "mirrors"

    @property
    def setup_cache(self) -> Path:
        """Folder of what set-ups installed; safe to lose."""
        return self.home / "setup-cache"

    @property
    def allowed_images(self) -> tuple[str, ...]:
        """`sandbox_allowed_images` as globs."""
        return tuple(part.strip() for part in self.sandbox_allowed_images.split(",") if part.strip())

    @property
    def allowed_protocols(self) -> frozenset[str]:
        """`repo_protocols` as a set."""
        return frozenset(part.strip() for part in self.repo_protocols.split(",") if part.strip())

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """The hosts that sandboxes may reach; none where the network policy is not `allowlist`."""
        words = self.sandbox_allowed_hosts.split(",") if self.sandbox_network == "allowlist" else []
        return tuple(word.strip() for word in words if word.strip())

    @property
    def api_names(self) -> frozenset[str]:
        """`api_allowed_hosts` as a set."""
        return frozenset(part.strip() for part in self.api_allowed_hosts.split(",") if part.strip())
