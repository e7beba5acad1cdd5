"""A sandbox: one container for one task, without privileges, with limits, and with an end of its own."""

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import docker.errors
from docker.models.containers import Container

from repo_agent_dagster.sandbox import files
from repo_agent_dagster.sandbox.docker_engine import engine, engine_errors
from repo_agent_dagster.sandbox.exec_stream import ExecConnection, Frame, LineSplitter, Stream
from repo_agent_dagster.sandbox.host_config import CA_BUNDLE, package_access
from repo_agent_dagster.sandbox.output import OutputLine, OutputSink
from repo_agent_dagster.sandbox.spec import (
    HOME,
    USER_ID,
    WORKSPACE,
    ExecResult,
    NetworkPolicy,
    SandboxDeadlineExceeded,
    SandboxSpec,
    SandboxSpecError,
    SandboxUnavailable,
)
from repo_agent_dagster.store.ids import new_id

TASK_LABEL = "repo-agent.task"
RUN_LABEL = "repo-agent.run"
DEADLINE_LABEL = "repo-agent.deadline"
OWNER_LABEL = "repo-agent.owner"
NETWORK_LABEL = "repo-agent.network"

_NETWORK = "bridge"
_PID1 = Path(__file__).parent / "image" / "pid1.py"
_TAIL_CHARACTERS = 262_144
_POLL_SECONDS = 0.25
_ORPHAN_GRACE_SECONDS = 0.5
_KILL_SECONDS = 15.0
_KILLED = 128 + 9


class Sandbox:
    """A running container. Made by `open`, `create` or `attach`; one thread at a time may use it."""

    def __init__(self, container: Container, sink: OutputSink | None = None) -> None:
        self._container = container
        self._sink = sink
        self._access: dict[str, str] = {}  # environment of commands while the sandbox is connected

    @classmethod
    @contextmanager
    def open(cls, spec: SandboxSpec, *, sink: OutputSink | None = None) -> Iterator["Sandbox"]:
        """Create a sandbox for a ``with`` block and destroy it after, whatever happens in the block."""
        box = cls.create(spec, sink=sink)
        try:
            yield box
        finally:
            box.destroy()

    @classmethod
    def create(cls, spec: SandboxSpec, *, sink: OutputSink | None = None) -> "Sandbox":
        """Create and start a sandbox that the caller destroys; its deadline and the reaper cover a caller that dies.

        Raises:
            SandboxSpecError: the image is missing, or the engine refuses a limit.
            SandboxUnavailable: the engine does not do it; a retry may succeed.
        """
        deadline = datetime.now(UTC) + timedelta(seconds=spec.deadline_seconds)
        client = engine()
        with engine_errors(f"creating the sandbox of task {spec.task_id}"):
            container = client.containers.create(**_container_arguments(spec, deadline))
        box = cls(container, sink)
        try:
            with engine_errors(f"starting the sandbox of task {spec.task_id}"):
                if spec.network == "setup-only":
                    # Before the start: there is no moment in which the sandbox runs with a network unasked for.
                    client.networks.get(_NETWORK).disconnect(container)
                container.start()
                container.reload()
            if spec.network == "full":
                box._access = box._prepare_access()
        except BaseException:
            box.destroy()
            raise
        return box

    @classmethod
    def attach(cls, container_id: str, *, sink: OutputSink | None = None) -> "Sandbox":
        """Return the running sandbox with that id, made elsewhere (another op of the same run).

        Raises:
            SandboxUnavailable: there is none (any more).
            SandboxSpecError: that container is not a sandbox of ours.
        """
        with engine_errors(f"attaching to the sandbox {container_id}"):
            container = engine().containers.get(container_id)
        if TASK_LABEL not in container.labels:
            raise SandboxSpecError(f"container {container_id} is not a sandbox: it has no label {TASK_LABEL}")
        box = cls(container, sink)
        if box.network_policy == "full":
            box._access = package_access(os.environ)[0]
        return box

    @property
    def id(self) -> str:
        """The container's full id, for `attach`."""
        return str(self._container.id)

    @property
    def name(self) -> str:
        """The container's name, as `docker ps` shows it."""
        return str(self._container.name)

    @property
    def deadline(self) -> datetime:
        """When the sandbox ends itself."""
        return datetime.fromisoformat(self._container.labels[DEADLINE_LABEL])

    @property
    def network_policy(self) -> NetworkPolicy:
        """The policy that the sandbox was made with."""
        return cast(NetworkPolicy, self._container.labels[NETWORK_LABEL])

    def exec(
        self,
        command: Sequence[str] | str,
        *,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> ExecResult:
        """Run a command (a string: by ``bash -c``) and stream its output to the sink; a failing one is no error.

        After `timeout_seconds` every process in the sandbox but its first is killed, also those that left the
        command's process group and those of other commands that still run; the sandbox itself stays usable. What a
        command leaves running in the background otherwise goes on running.

        Raises:
            SandboxDeadlineExceeded: the sandbox ended itself meanwhile.
            SandboxUnavailable: the sandbox is gone or the engine fails.
        """
        argv = ("bash", "-c", command) if isinstance(command, str) else tuple(command)
        return _Execution(self, argv, cwd, {**self._access, **(env or {})}, timeout_seconds).run()

    def put(self, source: Path | Mapping[str, bytes], target: str) -> None:
        """Copy a folder's content, a single file, or a mapping of relative paths into the folder `target`.

        The folder is made if missing; everything belongs to the sandbox's user; modes are kept. Left out are
        symlinks that point outside the source folder, and what is neither file, folder nor symlink.

        Raises:
            SandboxFileError: a path is absolute or leaves the folder, the source is missing, or the disk is full.
        """
        files.put(self._quiet, source, target)

    def get(self, path: str, *, max_bytes: int = 16 << 20) -> bytes:
        """Return the content of a regular file; links, folders and devices are refused.

        Raises:
            SandboxFileError: it is missing, not a regular file, or larger than `max_bytes`.
        """
        return files.get(self._quiet, path, max_bytes=max_bytes)

    def get_tree(self, path: str, *, max_bytes: int = 64 << 20, max_files: int = 10_000) -> dict[str, bytes]:
        """Return the regular files below a folder by their path relative to it.

        Raises:
            SandboxFileError: it is missing, too large, or holds a link, a device or a name that leaves it.
        """
        return files.get_tree(self._quiet, path, max_bytes=max_bytes, max_files=max_files)

    @contextmanager
    def network(self) -> Iterator[None]:
        """Connect the sandbox to the network for a ``with`` block (policy `setup-only`; `full` always is).

        Commands of the block find in their environment how the host reaches package indexes: proxy, certificates,
        pip's and npm's index. URLs that hold a password are left out.

        Raises:
            SandboxSpecError: the policy is `none`.
        """
        if self.network_policy == "none":
            raise SandboxSpecError(f"sandbox {self.name} may never use the network: its policy is none")
        if self.network_policy == "full":
            yield
            return
        access = self._prepare_access()
        doing = f"connecting the sandbox {self.name} to the network"
        with engine_errors(doing):
            bridge = engine().networks.get(_NETWORK)
            bridge.connect(self._container)
        self._access = access
        try:
            yield
        finally:
            self._access = {}
            with engine_errors(f"dis{doing}"):
                bridge.disconnect(self._container, force=True)

    def _prepare_access(self) -> dict[str, str]:
        access, ca_bundle = package_access(os.environ)
        if ca_bundle is not None:
            self.put({Path(CA_BUNDLE).name: ca_bundle.read_bytes()}, str(Path(CA_BUNDLE).parent))
        return access

    def destroy(self) -> None:
        """Kill and remove the container with all in it; does nothing when it is gone already."""
        with engine_errors(f"destroying the sandbox {self.name}"):
            remove(self._container)

    def _quiet(self, command: Sequence[str], stdin: Iterator[bytes], limit: int) -> files.RawResult:
        """Run one of our own commands, without log or sink; keep at most `limit` bytes of its standard output."""
        exec_id = self._exec_create(command, "/", {}, stdin=True)
        out, err = bytearray(), bytearray()
        connection = ExecConnection(engine(), exec_id)
        try:
            for chunk in stdin:
                connection.send(chunk)
            connection.end_input()
            while (frames := connection.read(_POLL_SECONDS)) is not None:
                for stream, data in frames:
                    kept, room = (out, limit) if stream == "stdout" else (err, 4096)
                    kept += data[: max(0, room - len(kept))]
                if not frames and not self._exec_state(exec_id)["Running"]:
                    break
        finally:
            connection.close()
        return files.RawResult(self._exit_code(exec_id), bytes(out), err.decode(errors="replace"))

    def _exec_create(self, command: Sequence[str], cwd: str, env: Mapping[str, str], *, stdin: bool = False) -> str:
        with self._alive("running a command in"):
            made: dict[str, Any] = engine().api.exec_create(
                self.id, list(command), stdin=stdin, workdir=cwd, environment=dict(env)
            )
            return str(made["Id"])

    def _exec_state(self, exec_id: str) -> dict[str, Any]:
        with self._alive("watching a command in"):
            state: dict[str, Any] = engine().api.exec_inspect(exec_id)
            return state

    def _exit_code(self, exec_id: str) -> int:
        # The stream can end a moment before the engine has taken note of the exit.
        limit = time.monotonic() + _KILL_SECONDS
        while (state := self._exec_state(exec_id))["Running"]:
            if time.monotonic() > limit:
                raise SandboxUnavailable(f"sandbox {self.name}: the engine does not tell how a command ended")
            time.sleep(0.01)
        return int(state["ExitCode"])

    def _require_running(self) -> None:
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

    def _gone(self) -> SandboxUnavailable | SandboxDeadlineExceeded:
        if datetime.now(UTC) >= self.deadline - timedelta(seconds=1):
            return SandboxDeadlineExceeded(
                f"sandbox {self.name} ended itself at its deadline, {self.deadline:%Y-%m-%d %H:%M:%S} UTC; "
                "give the task a longer one (REPO_AGENT_SANDBOX_DEADLINE_SECONDS) or less to do"
            )
        return SandboxUnavailable(f"sandbox {self.name} is gone: somebody removed it, or its engine was restarted")

    def _kill_processes(self) -> None:
        with self._alive("killing the processes of"):
            self._container.kill("SIGUSR1")  # to process 1, image/pid1.py


class _Execution:
    """One command while it runs."""

    def __init__(
        self, box: Sandbox, command: tuple[str, ...], cwd: str, env: Mapping[str, str], timeout_seconds: float | None
    ) -> None:
        self._box = box
        self._command = command
        self._cwd = cwd
        self._env = env
        self._timeout = timeout_seconds
        self._id = new_id()
        self._lines: dict[Stream, LineSplitter] = {"stdout": LineSplitter(), "stderr": LineSplitter()}
        self._output = _Tail()
        self._stdout = _Tail()
        self._seq = 0

    def run(self) -> ExecResult:
        """Run the command to its end or its time-out."""
        sink = self._box._sink
        exec_id = self._box._exec_create(self._command, self._cwd, self._env)
        started = time.monotonic()
        if sink is not None:
            sink.start(self._id, self._command, datetime.now(UTC))
        exit_code: int | None = None
        timed_out, log_path = False, None
        try:
            connection = ExecConnection(engine(), exec_id)
            try:
                timed_out = self._follow(connection, exec_id, started)
            finally:
                connection.close()
                self._take([], last=True)
            code = self._box._exit_code(exec_id)
            if code == _KILLED and not timed_out:
                self._box._require_running()
            exit_code = None if timed_out else code
        finally:
            if sink is not None:
                log_path = sink.finish(self._id, exit_code, datetime.now(UTC), timed_out=timed_out)
        return ExecResult(
            command=self._command,
            exit_code=exit_code,
            duration_seconds=time.monotonic() - started,
            timed_out=timed_out,
            truncated=self._output.cut or log_path is not None,
            output=self._output.text(),
            stdout=self._stdout.text(),
            command_id=self._id,
            log_path=log_path,
        )

    def _follow(self, connection: ExecConnection, exec_id: str, started: float) -> bool:
        """Take the output until the command ends; return whether it had to be killed."""
        end = None if self._timeout is None else started + self._timeout
        ended_at: float | None = None
        timed_out = False
        while True:
            now = time.monotonic()
            if end is not None and now >= end:
                if timed_out and now >= started + (self._timeout or 0) + _KILL_SECONDS:
                    self._box.destroy()
                    raise SandboxUnavailable(f"sandbox {self._box.name}: a command survived its time-out; destroyed it")
                # Again and again: a kill that comes before process 1 is ready to take it does nothing.
                timed_out, end = True, now + 0.5
                self._box._kill_processes()
            wait = _POLL_SECONDS if end is None else max(0.0, min(_POLL_SECONDS, end - now))
            frames = connection.read(wait)
            if frames is None:
                return timed_out
            self._take(frames)
            # A child in the background may keep the stream open after the command itself has ended.
            if frames or self._box._exec_state(exec_id)["Running"]:
                ended_at = None
            elif ended_at is None:
                ended_at = now
            elif now - ended_at >= _ORPHAN_GRACE_SECONDS:
                return timed_out

    def _take(self, frames: Sequence[Frame], *, last: bool = False) -> None:
        at = datetime.now(UTC)
        lines: list[OutputLine] = []
        parts: list[Frame] = [("stdout", b""), ("stderr", b"")] if last else list(frames)
        for stream, data in parts:
            text, whole = self._lines[stream].feed(data, last=last)
            self._output.add(text)
            if stream == "stdout":
                self._stdout.add(text)
            for line in whole:
                self._seq += 1
                lines.append(OutputLine(stream, line, at, self._seq))
        if self._box._sink is not None:
            self._box._sink.write(self._id, lines)


class _Tail:
    """The last characters of a text that comes in parts."""

    def __init__(self) -> None:
        self._parts: deque[str] = deque()
        self._size = 0
        self.cut = False

    def add(self, text: str) -> None:
        """Append a part; drop the oldest ones that the limit leaves no room for."""
        if not text:
            return
        self._parts.append(text)
        self._size += len(text)
        while self._size - len(self._parts[0]) >= _TAIL_CHARACTERS:
            self._size -= len(self._parts.popleft())
            self.cut = True

    def text(self) -> str:
        """Return the text's last 262,144 characters."""
        whole = "".join(self._parts)
        self.cut = self.cut or len(whole) > _TAIL_CHARACTERS
        return whole[-_TAIL_CHARACTERS:]


def remove(container: Container) -> None:
    """Remove a container by force, with its anonymous volumes; one that is gone or going is fine."""
    try:
        container.remove(force=True, v=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if error.status_code != 409:  # "removal is already in progress": its own auto-removal
            raise
        with suppress(docker.errors.NotFound):
            container.wait(condition="removed", timeout=30)


def _container_arguments(spec: SandboxSpec, deadline: datetime) -> dict[str, Any]:
    user, _, group = spec.user.partition(":")
    uid = user if user.isdigit() else str(USER_ID)
    gid = group if group.isdigit() else uid
    mount = f"rw,exec,nosuid,nodev,size={spec.disk_mb}m,uid={uid},gid={gid}"
    return {
        "image": spec.image,
        "entrypoint": ["python3", "-I", "-S", "-c", _PID1.read_text(), str(spec.deadline_seconds)],
        "command": [],
        "name": f"repo-agent-{new_id()}",
        "hostname": "sandbox",
        # By number: what a name means is up to the image, and it could mean root.
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
        "network_mode": "none" if spec.network == "none" else _NETWORK,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": spec.pids,
        "mem_limit": f"{spec.memory_mb}m",
        "memswap_limit": f"{spec.memory_mb}m",
        "nano_cpus": int(spec.cpus * 1_000_000_000),
        "read_only": True,
        "tmpfs": {WORKSPACE: f"{mount},mode=0755", HOME: f"{mount},mode=0755", "/tmp": f"{mount},mode=1777"},  # noqa: S108 - the sandbox's own
        "auto_remove": True,
        "log_config": {"Type": "none"},
    }
