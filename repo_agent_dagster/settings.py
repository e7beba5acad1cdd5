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

    log_sources: Path | None = Field(
        None,
        description="YAML file that names the log sources; default `home`/log-sources.yaml; where there is none, the "
        "two folders above.",
    )
    log_lateness_hours: float = Field(
        24.0, ge=0, description="How long after its event a log line may still arrive; such days are read again."
    )
    log_future_minutes: float = Field(
        10.0, ge=0, description="How far a log line's time may be ahead of ours before it counts as broken."
    )

    severity_rules: Path | None = Field(
        None, description="YAML file of severity rules that replaces the built-in ones (docs/ops-analysis.md)."
    )
    ops_issue_threshold: int = Field(
        3, ge=1, le=5, description="Problems of this severity or graver become GitHub issues; 1 is the gravest."
    )
    ops_issue_repository: str = Field(
        "", description="Repository (owner/name) for ops issues on GitHub; empty: a build's own, and none for workers."
    )
    ops_worker_repositories: str = Field(
        "", description="Repositories of workers, comma-separated: checkout-api=acme/shop,edge=acme/edge."
    )
    ops_marker_key: SecretStr = Field(
        SecretStr(""),
        description="Key of the marks in our issues on GitHub, the same for all who share a store; empty: one made and "
        "kept in `home`.",
    )
    ops_max_issues: int = Field(
        100, ge=1, description="New ops issues that one scan opens at most; the rest go into one overflow issue."
    )
    ops_max_github_issues: int = Field(20, ge=0, description="GitHub issues that one scan opens at most.")
    ops_quiet_after_scans: int = Field(
        7, ge=1, description="Scans in a row without an issue's problem until that is told on GitHub."
    )
    ops_close_when_quiet: bool = Field(
        False, description="Whether such an issue is also closed; it is reopened when the problem is seen again."
    )
    ops_ai_budget_tokens: int = Field(
        50_000,
        ge=0,
        description="Tokens that one scan may spend on a model's words for its incidents; 0: no model is asked.",
    )

    github_token: SecretStr = Field(
        SecretStr(""), description="Token for issues on GitHub; without it they stay in the store and in files."
    )
    github_api_url: str = Field(
        "https://api.github.com", description="API of GitHub, or of a GitHub Enterprise server (…/api/v3)."
    )

    redaction_key: SecretStr = Field(
        SecretStr(""),
        description="Key of the digests that stand for redacted secrets; empty: one made and kept in `home`.",
    )

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

    dagster_url: str = Field(
        "", description="Address of the Dagster UI as readers of reports reach it; empty: this machine's, by its port."
    )

    report_targets: str = Field(
        "",
        description="Where every order's report and every weekly digest is published, separated by commas: a folder "
        "(file:PATH), the artifact store (artifact:PREFIX), GitHub (github:owner/name, or owner/name#12), a URL.",
    )
    report_webhook_secret: SecretStr = Field(
        SecretStr(""), description="Secret that posted reports are signed with (HMAC-SHA256); empty: unsigned."
    )
    success_rate_minimum: float = Field(
        0.9, ge=0, le=1, description="A day's share of checked patches that passed; below it a check warns."
    )

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

    @field_validator(
        "home", "staging_dir", "migration_target", "worker_log_dir", "build_log_dir", "log_sources", "severity_rules"
    )
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
    def log_sources_file(self) -> Path | None:
        """The YAML file of log sources; None where none is named and the default is not there."""
        if self.log_sources is not None:
            return self.log_sources
        default = self.home / "log-sources.yaml"
        return default if default.exists() else None

    @property
    def log_landing(self) -> Path:
        """Folder of what proxies and build services gave, as it was given; safe to lose."""
        return self.home / "landing"

    @property
    def issue_files(self) -> Path:
        """Folder of the ops issues as Markdown files."""
        return self.home / "issues"

    @property
    def marker_key_file(self) -> Path:
        """File of the key that is made where `ops_marker_key` is empty."""
        return self.home / "ops-marker.key"

    @property
    def worker_repositories(self) -> dict[str, str]:
        """`ops_worker_repositories` by the worker's name."""
        pairs = (part.partition("=") for part in self.ops_worker_repositories.split(",") if "=" in part)
        return {worker.strip(): repository.strip() for worker, _, repository in pairs}

    @property
    def redaction_key_file(self) -> Path:
        """File of the key that is made where `redaction_key` is empty."""
        return self.home / "redaction.key"

    @property
    def log_quarantine(self) -> Path:
        """Folder of the log lines that could not be read, each with its number and reason."""
        return self.home / "quarantine"

    @property
    def artifacts(self) -> Path:
        """Folder of whole logs and other large results."""
        return self.home / "artifacts"

    @property
    def dagster_address(self) -> str:
        """Address of the Dagster UI without a slash at its end; empty where its port is not known."""
        if self.dagster_url:
            return self.dagster_url.rstrip("/")
        return f"http://{self.webserver_host}:{self.webserver_port}" if self.webserver_port else ""

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
