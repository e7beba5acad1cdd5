"""The one place that runs git on the host: on bare mirrors of ours, never on a tree that came out of a sandbox.

Its environment is made here: no hooks, no file system monitor, no prompts, no shared object folders, no trace, none
of this project's own settings. Time and output are bounded, and the end of a call is the end of all it started.
"""

import contextlib
import os
import re
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from repo_agent_dagster.sandbox.repositories.credentials import ConfigEntry, Handover
from repo_agent_dagster.sandbox.repositories.faults import RepositoryError, RepositoryUnavailable
from repo_agent_dagster.sandbox.repositories.urls import redacted

QUICK_SECONDS = 120.0
"""Time for what needs no network."""
_CHUNK = 1 << 16
_STDERR_BYTES = 64 << 10
_POLL_SECONDS = 0.1

_SAFE: tuple[ConfigEntry, ...] = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("protocol.ext.allow", "never"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("core.logAllRefUpdates", "false"),
)
# Of git's own variables only these: how servers are reached and the host's configuration is found. The others could
# point git at another repository, run programs, or write what it sends into a log.
_INHERITED_GIT = re.compile(
    r"GIT_(SSL_|PROXY_SSL_|HTTP_|SSH$|SSH_COMMAND$|SSH_VARIANT$|ASKPASS$|EXEC_PATH$"
    r"|CONFIG_(COUNT|GLOBAL|SYSTEM|NOSYSTEM|KEY_\d+|VALUE_\d+)$)"
)
_TRANSIENT = re.compile(
    r"could not resolve host|connection (refused|reset|timed out|closed)|operation timed out|failed to connect|"
    r"early eof|temporary failure|returned error: (429|5\d\d)|remote end hung up|network is unreachable|RPC failed|"
    r"no space left on device",
    re.IGNORECASE,
)
_HINTS = (
    (
        re.compile(r"could not read (Username|Password)|Authentication failed|returned error: 40[13]"),
        "Its server asks for credentials that this host does not have: give git on this host a credential helper, or "
        "set REPO_AGENT_GIT_CREDENTIAL_HELPER",
    ),
    (
        re.compile(r"Permission denied|Host key verification failed"),
        "ssh on this host, as this user, must know the server's key and have one that the server takes",
    ),
    (
        re.compile(r"fsck error|error in object|remote did not send all necessary objects", re.IGNORECASE),
        "Git's own check refuses an object of it: it is damaged, or made to harm who checks it out. Nothing of it was "
        "kept",
    ),
    (
        # What writes the pack was ended by its limit, and neither the disk nor the line was the reason.
        re.compile(
            r"\A(?!.*(no space left|early eof|disconnect))"
            r".*(died of signal 25|file too large|invalid index-pack output)",
            re.IGNORECASE | re.DOTALL,
        ),
        "It is larger than REPO_AGENT_REPOSITORY_MAX_MB allows",
    ),
    (
        re.compile(r"corruption on the remote side|bad pack header"),
        "It is damaged on its server: `git fsck` there tells where",
    ),
    (
        re.compile(r"dubious ownership"),
        "The folder belongs to another user: `git config --global --add safe.directory` names it as trusted",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class GitResult:
    """What one call of git gave; `stderr` is without credentials."""

    exit_code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text, bytes that are no UTF-8 replaced."""
        return self.stdout.decode(errors="replace")


def run_git(
    arguments: Sequence[str],
    folder: Path | None = None,
    *,
    config: Iterable[ConfigEntry] = (),
    handover: Handover | None = None,
    protocols: str = "",
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
    timeout_seconds: float = QUICK_SECONDS,
    max_bytes: int = 256 << 20,
    file_bytes: int | None = None,
) -> GitResult:
    """Run git on the host; a failing one is no error.

    `protocols` are those that this call may use, separated by colons; none by default. Standard output is kept up to
    `max_bytes`, or goes to the file `stdout`. No file that git writes may get larger than `file_bytes`.

    Raises:
        RepositoryError: git is not installed, or gives more than `max_bytes`.
        RepositoryUnavailable: it took longer than `timeout_seconds`; it was ended, with all it had started.
    """
    handover = handover or Handover()
    where = ["-C", str(folder)] if folder is not None else []
    try:
        process = subprocess.Popen(
            ["git", *where, *arguments],
            env=_environment([*config, *handover.config], protocols),
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=stdout if stdout is not None else subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=handover.descriptors,
            start_new_session=True,  # no terminal to ask on, and one group to end
        )
    except FileNotFoundError as error:
        raise RepositoryError("git is not installed on this machine; install it: apt-get install git") from error
    try:
        if file_bytes is not None:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        out, err = _read_to_end(process, arguments[0], timeout_seconds, max_bytes)
    except BaseException:
        _end_group(process)
        raise
    said = redacted(err.decode(errors="replace").strip())
    for secret in handover.secrets:
        said = said.replace(secret, "***")
    return GitResult(process.returncode, bytes(out), said)


def git(
    arguments: Sequence[str],
    folder: Path | None = None,
    *,
    of: str = "",
    config: Iterable[ConfigEntry] = (),
    handover: Handover | None = None,
    protocols: str = "",
    timeout_seconds: float = QUICK_SECONDS,
    file_bytes: int | None = None,
) -> str:
    """Run git and return its standard output; `of` names the repository in messages.

    Raises:
        RepositoryError: git failed for good.
        RepositoryUnavailable: the network or the server failed, or the time was over.
    """
    done = run_git(
        arguments, folder, config=config, handover=handover, protocols=protocols, timeout_seconds=timeout_seconds,
        file_bytes=file_bytes,
    )  # fmt: skip
    if done.exit_code != 0:
        raise failure(arguments[0], of or str(folder), done.stderr)
    return done.text


def failure(command: str, of: str, said: str) -> RepositoryError | RepositoryUnavailable:
    """Return the error for a git command that failed: what it said, and what to do about it."""
    what = f"git {command} of {redacted(of)} failed: {said[-2000:]}"
    for shape, hint in _HINTS:
        if shape.search(said):
            return RepositoryError(f"{what}. {hint}")
    if _TRANSIENT.search(said):
        return RepositoryUnavailable(f"{what}. The network, the server or the disk failed; try again")
    return RepositoryError(f"{what}. Check the URL and the host's git credentials for it")


def _read_to_end(
    process: subprocess.Popen[bytes], name: str, timeout_seconds: float, max_bytes: int
) -> tuple[bytearray, bytearray]:
    out, err = bytearray(), bytearray()
    until = time.monotonic() + timeout_seconds
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((process.stdout, out), (process.stderr, err)):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, kept)
        while selector.get_map():
            # Not to the end of the streams alone: what ssh leaves in the background may hold one open.
            ended = process.poll() is not None
            ready = selector.select(0 if ended else _POLL_SECONDS)
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                key.data.extend(chunk)
            if len(out) > max_bytes:
                raise RepositoryError(f"git {name} gives over {max_bytes >> 20} MiB, more than is taken")
            del err[:-_STDERR_BYTES]
            if ended and not ready:
                break
            if time.monotonic() > until:
                raise RepositoryUnavailable(f"git {name} took over {timeout_seconds:g} s and was ended; try again")
    process.wait(max(0.0, until - time.monotonic()) + 1)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    return out, err


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # all of it has ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _environment(config: Sequence[ConfigEntry], protocols: str) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "REPO_AGENT_")) or _INHERITED_GIT.match(name)
    }
    entries = [*_SAFE, *config]
    first = int(environment.get("GIT_CONFIG_COUNT") or 0)  # after the host's own entries, so that ours win
    environment |= {
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": environment.get("GIT_ASKPASS", ""),  # empty: no window of a desktop either
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
        "GIT_CONFIG_COUNT": str(first + len(entries)),
    }
    for number, (key, value) in enumerate(entries, start=first):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment
