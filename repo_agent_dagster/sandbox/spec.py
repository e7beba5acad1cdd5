"""What a sandbox is asked to be, what one command in it gave, and what can go wrong. No Docker in here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from pydantic import SecretStr

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault

NetworkPolicy = Literal["none", "setup-only", "allowlist", "full"]
"""When a sandbox is connected: never, only in `Sandbox.network` blocks, always but to some hosts alone, always."""

DEFAULT_IMAGE = "repo-agent/sandbox:latest"
WORKSPACE = "/workspace"
HOME = "/home/agent"
USER_ID = 1000
"""Numeric id of the image's user; the writable file systems belong to it."""
TYPE_ROOTS = "/usr/local/lib/node_modules/@types"
"""Folder of the image's own type packages, for ``tsc --typeRoots``; the image's environment has it as TYPE_ROOTS."""
SECRET_BYTES = 256 << 10
"""Bytes that all secrets of a sandbox may have together."""
_SECRET_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_HOST_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_ALLOWED_HOST = re.compile(rf"(?:\*\.)?{_HOST_LABEL}(?:\.{_HOST_LABEL})*(?::(?P<port>[0-9]{{1,5}}))?")


class SandboxSpecError(PermanentFault):
    """A sandbox was asked for something that is never given: root, a negative limit, network against the policy."""


class SandboxFileError(PermanentFault):
    """A file cannot be put into or taken out of a sandbox: it is missing, too large, or not a plain file inside."""


class SandboxDeadlineExceeded(PermanentFault):
    """The sandbox ended itself because its deadline passed while it was still in use."""


class SandboxOutOfMemory(PermanentFault):
    """The kernel ended the sandbox because its memory, with the files in it, was full."""


class SandboxUnavailable(TransientFault):
    """The Docker engine did not do what it should, or the sandbox is gone: a new attempt may succeed."""


@dataclass(frozen=True)
class SandboxSpec:
    """One sandbox: whose it is, what it runs, and its limits. Checked when it is made.

    Memory and disk are MiB. The disk is a tmpfs, so what is written counts against the memory; a writable folder
    ends at `disk_mb` or at three quarters of the memory, whichever is less. `deadline_seconds`
    is counted from the container's start; the container ends itself then, whoever is still alive outside. `user` is
    the image's `agent` or a number. `owner` names the installation (its home folder), so that the reaper of one
    leaves the sandboxes of another on the same engine alone.

    `allowed_hosts` belongs to the network policy `allowlist`: ``name``, ``name:port`` or ``*.name`` (every name below
    it); the word ``package-indexes`` stands for those that this host uses. The proxy that lets them through runs in
    `proxy_image`, which is trusted and has Python, whatever `image` is.

    `secrets` are files by their name; commands find them only while `Sandbox.secrets` lends them.

    Raises:
        SandboxSpecError: the user is root or unknown, a limit is not positive, or a host or a secret is malformed.
    """

    task_id: str
    run_id: str | None = None
    image: str = DEFAULT_IMAGE
    user: str = "agent"
    cpus: float = 1.0
    memory_mb: int = 2048
    pids: int = 256
    disk_mb: int = 2048
    deadline_seconds: int = 1800
    network: NetworkPolicy = "setup-only"
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    allowed_hosts: tuple[str, ...] = ()
    proxy_image: str = DEFAULT_IMAGE
    secrets: Mapping[str, SecretStr | bytes] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.task_id:
            raise SandboxSpecError("a sandbox needs the id of the task that it is made for; task_id is empty")
        numeric_user(self.user)
        for limit in ("cpus", "memory_mb", "pids", "disk_mb", "deadline_seconds"):
            if getattr(self, limit) <= 0:
                raise SandboxSpecError(f"sandbox limit {limit} is {getattr(self, limit)}; it must be positive")
        if self.network not in get_args(NetworkPolicy):
            known = ", ".join(get_args(NetworkPolicy))
            raise SandboxSpecError(f"network policy {self.network!r} is unknown; use one of {known}")
        self._check_allowed_hosts()
        self._check_secrets()
        reserved = sorted(key for key in self.labels if key.startswith("repo-agent."))
        if reserved:
            raise SandboxSpecError(f"labels {', '.join(reserved)} are ours to set; choose names without 'repo-agent.'")

    def _check_allowed_hosts(self) -> None:
        if self.allowed_hosts and self.network != "allowlist":
            raise SandboxSpecError(f"allowed_hosts belong to the network policy allowlist; this one is {self.network}")
        for host in self.allowed_hosts:
            found = _ALLOWED_HOST.fullmatch(host)
            if found is None or not 0 < int(found["port"] or 443) < 65_536:
                raise SandboxSpecError(
                    f"allowed host {host!r} is malformed; write name, name:port or *.name, without protocol and path"
                )

    def _check_secrets(self) -> None:
        for name in self.secrets:
            if not _SECRET_NAME.fullmatch(name):
                raise SandboxSpecError(
                    f"secret {name!r} has no name for a file: use letters, digits, '_', '-' and '.', at most 100"
                )
        values = self.secret_values()
        empty = sorted(name for name, value in values.items() if not value)
        if empty:
            raise SandboxSpecError(f"secrets {', '.join(empty)} are empty; leave them out")
        size = sum(len(value) for value in values.values())
        if size > SECRET_BYTES:
            raise SandboxSpecError(f"the secrets have {size} bytes; at most {SECRET_BYTES} are taken")

    def secret_values(self) -> dict[str, bytes]:
        """Return the secrets' contents by name; not for logs."""
        return {
            name: value if isinstance(value, bytes) else value.get_secret_value().encode()
            for name, value in self.secrets.items()
        }


def numeric_user(user: str) -> tuple[int, int]:
    """Return the numeric user and group that `user` (`agent`, ``uid`` or ``uid:gid``) stands for.

    By number, because what a name means is up to the image, and it could mean root.

    Raises:
        SandboxSpecError: it is root, or neither `agent` nor a number.
    """
    name, _, group = user.partition(":")
    if name == "root" or any(part.isdecimal() and int(part) == 0 for part in (name, group)):
        raise SandboxSpecError(f"sandbox user {user!r} is root; name the image's own user, 'agent'")
    if (name != "agent" and not name.isdecimal()) or (group and not group.isdecimal()):
        raise SandboxSpecError(f"sandbox user {user!r} is unknown; use 'agent' or a number other than 0")
    uid = USER_ID if name == "agent" else int(name)
    return uid, int(group) if group else uid


@dataclass(frozen=True)
class ResourceUsage:
    """What a command, with all that ran beside it in its sandbox, took of the machine.

    `peak_memory_bytes` is the most memory that the whole sandbox was charged with at once while the command ran,
    files on its tmpfs included; None where the kernel does not tell it for a single command. `cpu_seconds` is
    processor time, of all cores. `oom_killed` says that the kernel killed a process because the memory was full.
    """

    peak_memory_bytes: int | None
    cpu_seconds: float
    oom_killed: bool


@dataclass(frozen=True)
class ExecResult:
    """What one command in a sandbox gave.

    `output` and `stdout` are the last part of the text (at most 256 KiB each; both streams in the order in which they
    arrived, and standard output alone). `truncated` says that text is missing from `output` or from the stored
    log; `log_url` then tells where the whole log is, where a sink kept one. `exit_code` is None after a time-out.
    `started_at` is UTC; `usage` is None where the engine's host does not show it.
    """

    command: tuple[str, ...]
    exit_code: int | None
    duration_seconds: float
    timed_out: bool
    truncated: bool
    output: str
    stdout: str
    command_id: str
    log_url: str | None = None
    started_at: datetime | None = None
    usage: ResourceUsage | None = None

    @property
    def ok(self) -> bool:
        """Whether the command ended by itself with exit code 0."""
        return self.exit_code == 0 and not self.timed_out

    @property
    def met_limit(self) -> str:
        """Which limit of the sandbox a failed command most likely met, and its setting, in words; empty: none is seen.

        The memory is told by the kernel, disk and processes only by what the command itself says of them.
        """
        if self.ok:
            return ""
        if self.usage is not None and self.usage.oom_killed:
            return "the sandbox's memory, with the files in it, was full (REPO_AGENT_SANDBOX_MEMORY_MB)"
        if re.search(r"No space left on device|ENOSPC|Disk quota exceeded", self.output):
            return (
                "the sandbox's disk was full (REPO_AGENT_SANDBOX_DISK_MB, at most 3/4 of REPO_AGENT_SANDBOX_MEMORY_MB)"
            )
        if re.search(r"Resource temporarily unavailable|can't start new thread|Cannot fork|EAGAIN", self.output):
            return "the sandbox had no room for another process (REPO_AGENT_SANDBOX_PIDS)"
        return ""
