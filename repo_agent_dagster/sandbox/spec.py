"""What a sandbox is asked to be, what one command in it gave, and what can go wrong. No Docker in here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault

NetworkPolicy = Literal["none", "setup-only", "full"]

DEFAULT_IMAGE = "repo-agent/sandbox:latest"
WORKSPACE = "/workspace"
HOME = "/home/agent"
USER_ID = 1000
"""Numeric id of the image's user; the writable file systems belong to it."""
TYPE_ROOTS = "/usr/local/lib/node_modules/@types"
"""Folder of the image's own type packages, for ``tsc --typeRoots``; the image's environment has it as TYPE_ROOTS."""


class SandboxSpecError(PermanentFault):
    """A sandbox was asked for something that is never given: root, a negative limit, network against the policy."""


class SandboxFileError(PermanentFault):
    """A file cannot be put into or taken out of a sandbox: it is missing, too large, or not a plain file inside."""


class SandboxDeadlineExceeded(PermanentFault):
    """The sandbox ended itself because its deadline passed while it was still in use."""


class SandboxUnavailable(TransientFault):
    """The Docker engine did not do what it should, or the sandbox is gone: a new attempt may succeed."""


@dataclass(frozen=True)
class SandboxSpec:
    """One sandbox: whose it is, what it runs, and its limits. Checked when it is made.

    Memory and disk are MiB; the disk is a tmpfs, so what is written counts against the memory. `deadline_seconds`
    is counted from the container's start; the container ends itself then, whoever is still alive outside. `user` is
    the image's `agent` or a number. `owner` names the installation (its home folder), so that the reaper of one
    leaves the sandboxes of another on the same engine alone.

    Raises:
        SandboxSpecError: the user is root or unknown, or a limit is not positive.
    """

    task_id: str
    run_id: str | None = None
    image: str = DEFAULT_IMAGE
    user: str = "agent"
    cpus: float = 1.0
    memory_mb: int = 1024
    pids: int = 256
    disk_mb: int = 2048
    deadline_seconds: int = 1800
    network: NetworkPolicy = "setup-only"
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""

    def __post_init__(self) -> None:
        if not self.task_id:
            raise SandboxSpecError("a sandbox needs the id of the task that it is made for; task_id is empty")
        name, _, group = self.user.partition(":")
        if name == "root" or any(part.isdigit() and int(part) == 0 for part in (name, group)):
            raise SandboxSpecError(f"sandbox user {self.user!r} is root; name the image's own user, 'agent'")
        if (name != "agent" and not name.isdigit()) or (group and not group.isdigit()):
            raise SandboxSpecError(f"sandbox user {self.user!r} is unknown; use 'agent' or a number other than 0")
        for limit in ("cpus", "memory_mb", "pids", "disk_mb", "deadline_seconds"):
            if getattr(self, limit) <= 0:
                raise SandboxSpecError(f"sandbox limit {limit} is {getattr(self, limit)}; it must be positive")
        if self.network not in ("none", "setup-only", "full"):
            raise SandboxSpecError(f"network policy {self.network!r} is unknown; use none, setup-only or full")
        reserved = sorted(key for key in self.labels if key.startswith("repo-agent."))
        if reserved:
            raise SandboxSpecError(f"labels {', '.join(reserved)} are ours to set; choose names without 'repo-agent.'")


@dataclass(frozen=True)
class ExecResult:
    """What one command in a sandbox gave.

    `output` and `stdout` are the last part of the text (at most 256 KiB each; both streams in the order in which they
    arrived, and standard output alone). `truncated` says that text is missing from `output` or from the stored
    log; `log_path` then names the whole log, where a sink kept one. `exit_code` is None after a time-out.
    """

    command: tuple[str, ...]
    exit_code: int | None
    duration_seconds: float
    timed_out: bool
    truncated: bool
    output: str
    stdout: str
    command_id: str
    log_path: Path | None = None

    @property
    def ok(self) -> bool:
        """Whether the command ended by itself with exit code 0."""
        return self.exit_code == 0 and not self.timed_out
