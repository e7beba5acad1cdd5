"""The container of a sandbox: Docker's arguments for a spec, its labels, its commands, its removal."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker.errors
from docker.models.containers import Container

from repo_agent_dagster.sandbox.docker_engine import PATIENCE_SECONDS, bounded_engine, engine, engine_errors
from repo_agent_dagster.sandbox.spec import (
    HOME,
    SECRET_BYTES,
    WORKSPACE,
    SandboxDeadlineExceeded,
    SandboxOutOfMemory,
    SandboxSpec,
    SandboxSpecError,
    SandboxUnavailable,
    numeric_user,
)
from repo_agent_dagster.store.ids import new_id

TASK_LABEL = "repo-agent.task"
RUN_LABEL = "repo-agent.run"
DEADLINE_LABEL = "repo-agent.deadline"
OWNER_LABEL = "repo-agent.owner"
NETWORK_LABEL = "repo-agent.network"

SECRETS = "/run/secrets"
"""Folder of a sandbox's secrets, a tmpfs of its own; there is none in a sandbox without secrets."""
NETWORK = "bridge"
"""Docker's default network; a sandbox is on it or on none."""
ENDING_SECONDS = 15.0
"""How long the engine may take to show the end of processes that were killed."""
_STARTING_SECONDS = 2.0
_UNANSWERED_SECONDS = 3.0
_KILL_ALL = ("/bin/sh", "-c", "kill -9 -1")
_ARGUMENT_BYTES = (128 << 10) - 1
"""Linux takes no longer argument or variable (MAX_ARG_STRLEN)."""
_LOG = logging.getLogger(__name__)
_PID1 = Path(__file__).parent / "inside" / "pid1.py"


class LiveContainer:
    """What the engine does with a sandbox's container, with a clear error when that is gone."""

    def __init__(self, container: Container, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._container = container
        self._patience = patience_seconds
        self._other_users: set[str] = set()
        self.is_gone = False
        """Whether a call has found the container ended."""

    @property
    def id(self) -> str:
        """The container's full id."""
        return str(self._container.id)

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self._container.name)

    @property
    def deadline(self) -> datetime:
        """When the container ends itself."""
        return datetime.fromisoformat(self._container.labels[DEADLINE_LABEL])

    def destroy(self) -> bool:
        """Kill and remove it, and return whether it is gone; an engine that hangs is not waited for.

        What it does not remove in time is left to the reaper and to the sandbox's own end at its deadline.
        """
        try:
            with engine_errors(f"destroying the sandbox {self.name}"):
                remove(self._container, self._patience)
        except (SandboxUnavailable, SandboxSpecError) as error:
            _LOG.warning("%s; left to the reaper, and to its own end at %s", error, self.deadline)
            return False
        return True

    def exec_create(
        self,
        command: Sequence[str],
        cwd: str,
        env: Mapping[str, str],
        *,
        stdin: bool = False,
        user: str | None = None,
    ) -> str:
        """Prepare a command and return its exec id; `user` is numeric, None the sandbox's own."""
        _require_sendable(command, cwd, env)
        if user is not None:
            self._other_users.add(user)
        with self._alive("running a command in"):
            made: dict[str, Any] = engine().api.exec_create(
                self.id, list(command), stdin=stdin, workdir=cwd, environment=dict(env), user=user or ""
            )
            return str(made["Id"])

    def exec_state(self, exec_id: str) -> dict[str, Any]:
        """Return what the engine knows of a command."""
        with self._alive("watching a command in"):
            state: dict[str, Any] = engine().api.exec_inspect(exec_id)
            return state

    def exit_code(self, exec_id: str) -> int:
        """Wait for a command whose output has ended, and return its exit code."""
        # The stream can end a moment before the engine has taken note of the exit.
        limit = time.monotonic() + ENDING_SECONDS
        while (state := self.exec_state(exec_id))["Running"]:
            if time.monotonic() > limit:
                raise SandboxUnavailable(f"sandbox {self.name}: the engine does not tell how a command ended")
            time.sleep(0.01)
        return int(state["ExitCode"])

    def require_running(self) -> None:
        """Raise if the container has ended: its processes die of SIGKILL then, like those that run out of memory."""
        # The engine learns of the command's end before it learns of the container's.
        near_its_end = datetime.now(UTC) >= self.deadline - timedelta(seconds=1)
        limit = time.monotonic() + (3.0 if near_its_end else 0.5)
        while time.monotonic() < limit:
            with self._alive("looking at"):
                self._container.reload()
            if self._container.status != "running":
                raise self._gone()
            time.sleep(0.1)

    @contextmanager
    def _alive(self, doing: str) -> Iterator[None]:
        try:
            with engine_errors(f"{doing} the sandbox {self.name}"):
                yield
        except SandboxUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, docker.errors.APIError) and cause.status_code in (404, 409):
                raise self._gone() from cause
            raise

    def _gone(self) -> SandboxUnavailable | SandboxDeadlineExceeded | SandboxOutOfMemory:
        self.is_gone = True
        if datetime.now(UTC) >= self.deadline - timedelta(seconds=1):
            return SandboxDeadlineExceeded(
                f"sandbox {self.name} ended itself at its deadline, {self.deadline:%Y-%m-%d %H:%M:%S} UTC; "
                "give the task a longer one (REPO_AGENT_SANDBOX_DEADLINE_SECONDS) or less to do"
            )
        if self._ran_out_of_memory():
            return SandboxOutOfMemory(
                f"sandbox {self.name} ended: its memory was full, with the files in it; "
                "give it more (REPO_AGENT_SANDBOX_MEMORY_MB) or less to do"
            )
        return SandboxUnavailable(f"sandbox {self.name} is gone: somebody removed it, or its engine was restarted")

    def _ran_out_of_memory(self) -> bool:
        # The container is removed, so that only the engine's own record of the last events can tell.
        now = int(time.time())
        with suppress(SandboxUnavailable), engine_errors("asking for the end of a sandbox"):
            events = bounded_engine(self._patience).api.events(
                since=now - 60, until=now + 1, filters={"container": self.id, "event": ["oom"]}, decode=True
            )
            return any(True for _ in events)
        return False

    def kill_processes(self) -> None:
        """Kill every process but the first; one that comes before process 1 is ready does nothing."""
        with self._alive("killing the processes of"):
            api = bounded_engine(self._patience).api
            api.kill(self.id, "SIGUSR1")  # to process 1, inside/pid1.py
            for user in self._other_users:  # process 1 has no power over them
                api.exec_start(api.exec_create(self.id, list(_KILL_ALL), user=user)["Id"], detach=True)

    def end_exec(self, exec_id: str) -> None:
        """Kill every process but the first until a command has ended; one that is just being started, too.

        Raises:
            SandboxUnavailable: it survived, or the engine does not do it in time.
        """
        limit = time.monotonic() + ENDING_SECONDS
        starting_until = time.monotonic() + _STARTING_SECONDS
        while (state := self.exec_state(exec_id))["Running"] or state["ExitCode"] is None:
            if state["ExitCode"] is None and not state["Running"] and time.monotonic() >= starting_until:
                return  # it was never started
            if time.monotonic() >= limit:
                raise SandboxUnavailable(f"sandbox {self.name}: a command survived being killed")
            self.kill_processes()
            time.sleep(0.1)


def _require_sendable(command: Sequence[str], cwd: str, env: Mapping[str, str]) -> None:
    """Refuse what would reach the sandbox as something else, or not at all."""
    if not command or not command[0]:
        raise SandboxSpecError("a command without a program was to be run; give an argument list or a script")
    for text in (*command, cwd, *env, *env.values()):
        if len(text.encode(errors="replace")) > _ARGUMENT_BYTES:
            raise SandboxSpecError(f"an argument of over {_ARGUMENT_BYTES} bytes ({text[:60]!r} …): put it into a file")
        if "\0" in text or (not text.isascii() and text != text.encode(errors="replace").decode()):
            raise SandboxSpecError(
                f"{text[:100]!r} cannot be given to a command: it has a NUL or is no Unicode; put it into a file"
            )
    odd = sorted(name for name in env if not name or "=" in name)
    if odd:
        raise SandboxSpecError(f"environment name {odd[0]!r} is none: it is empty or has '=' in it")


def remove(container: Container, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Remove a container by force, with its anonymous volumes; one that is gone or going is fine."""
    try:
        bounded_engine(patience_seconds).api.remove_container(str(container.id), force=True, v=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if error.status_code != 409:  # "removal is already in progress": its own auto-removal
            raise
        with suppress(docker.errors.NotFound):
            container.wait(condition="removed", timeout=30)


@contextmanager
def start_errors(spec: SandboxSpec) -> Iterator[None]:
    """Put an engine's refusal to start a container in our words; an image without Python gets words of its own."""
    try:
        with engine_errors(f"starting the sandbox of task {spec.task_id}"):
            yield
    except SandboxSpecError as error:
        if "python3" in str(error):
            raise SandboxSpecError(
                f"image {spec.image} cannot be a sandbox: it needs python3, bash and tar, and has no python3"
            ) from error
        raise


def discard_unanswered(name: str) -> None:
    """Remove a container whose making was interrupted: the engine may go on with it, so it is waited for a little.

    One that comes later, or cannot be removed, is left to the reaper.
    """
    limit = time.monotonic() + _UNANSWERED_SECONDS
    try:
        while time.monotonic() < limit:
            with engine_errors(f"removing the container {name}"), suppress(docker.errors.NotFound):
                bounded_engine().api.remove_container(name, force=True, v=True)
                return
            time.sleep(0.1)
    except (SandboxUnavailable, SandboxSpecError) as error:
        _LOG.warning("%s; left to the reaper", error)


def disk_mb(spec: SandboxSpec) -> int:
    """Return the MiB that each writable folder of a sandbox may take.

    They count against the memory, and a full memory kills processes, where a full disk only fails a write: so the
    disk ends before the memory does.
    """
    return max(1, min(spec.disk_mb, spec.memory_mb * 3 // 4))


def container_arguments(spec: SandboxSpec, deadline: datetime) -> dict[str, Any]:
    """Return what `containers.create` is called with: every wall and limit of a sandbox is in here."""
    uid, gid = numeric_user(spec.user)
    mount = f"rw,exec,nosuid,nodev,size={disk_mb(spec)}m,uid={uid},gid={gid}"
    tmpfs = {WORKSPACE: f"{mount},mode=0755", HOME: f"{mount},mode=0755", "/tmp": f"{mount},mode=1777"}  # noqa: S108 - the sandbox's own
    if spec.secrets:
        tmpfs[SECRETS] = f"rw,noexec,nosuid,nodev,size={2 * SECRET_BYTES},uid={uid},gid={gid},mode=0700"
    return {
        "image": spec.image,
        "entrypoint": ["python3", "-I", "-S", "-c", _PID1.read_text(), str(spec.deadline_seconds)],
        "command": [],
        "name": f"repo-agent-{new_id()}",
        "hostname": "sandbox",
        "user": f"{uid}:{gid}",
        "environment": {"HOME": HOME, **spec.env},
        "working_dir": WORKSPACE,
        "labels": {
            **spec.labels,
            TASK_LABEL: spec.task_id,
            RUN_LABEL: spec.run_id or "",
            DEADLINE_LABEL: deadline.isoformat(timespec="seconds"),
            OWNER_LABEL: spec.owner,
            NETWORK_LABEL: spec.network,
        },
        "network_mode": "none" if spec.network in ("none", "allowlist") else NETWORK,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": spec.pids,
        "mem_limit": f"{spec.memory_mb}m",
        "memswap_limit": f"{spec.memory_mb}m",
        "nano_cpus": int(spec.cpus * 1_000_000_000),
        "read_only": True,
        "tmpfs": tmpfs,
        # An engine that is stopped would wait ten seconds for each: process 1 heeds no signal from outside but one.
        "stop_signal": "SIGKILL",
        "auto_remove": True,
        "log_config": {"Type": "none"},
    }
