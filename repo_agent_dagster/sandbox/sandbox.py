"""A sandbox: one container for one task, without privileges, with limits, and with an end of its own."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from docker.models.containers import Container

from repo_agent_dagster.sandbox import access, files, secrets, snapshots
from repo_agent_dagster.sandbox.commands.execution import Command, Execution
from repo_agent_dagster.sandbox.commands.masking import Masker
from repo_agent_dagster.sandbox.commands.output import OutputSink
from repo_agent_dagster.sandbox.commands.own import drop, run_own
from repo_agent_dagster.sandbox.commands.usage import Meter, find_host_cgroup, reader_inside
from repo_agent_dagster.sandbox.container import (
    NETWORK,
    NETWORK_LABEL,
    LiveContainer,
    container_arguments,
    discard_unanswered,
    start_errors,
)
from repo_agent_dagster.sandbox.docker_engine import PATIENCE_SECONDS, engine, engine_errors
from repo_agent_dagster.sandbox.network import close_way_out, open_way_out, refusals
from repo_agent_dagster.sandbox.readiness import wait_until_ready
from repo_agent_dagster.sandbox.spec import (
    WORKSPACE,
    ExecResult,
    NetworkPolicy,
    SandboxSpec,
    SandboxSpecError,
    numeric_user,
)


class Sandbox:
    """A running container. Made by `open`, `create` or `attach`; one thread at a time may use it."""

    def __init__(
        self, container: Container, sink: OutputSink | None = None, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._container = container
        self._live = LiveContainer(container, patience_seconds)
        self._sink = sink
        self._secrets: Mapping[str, bytes] = {}
        self._masker: Masker | None = None
        self._environment: dict[str, str] = {}  # environment of commands while the sandbox is connected

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
            SandboxSpecError: the image is missing or has no Python 3, or the engine refuses a limit.
            SandboxUnavailable: the engine does not do it; a retry may succeed.
        """
        values = spec.secret_values()
        masker = Masker(values.values()) if values else None
        deadline = datetime.now(UTC) + timedelta(seconds=spec.deadline_seconds)
        client = engine()
        arguments = container_arguments(spec, deadline)
        if spec.network == "allowlist":
            arguments = open_way_out(arguments["name"], spec, deadline).arguments(arguments)
        try:
            with engine_errors(f"creating the sandbox of task {spec.task_id}"):
                container = client.containers.create(**arguments)
        except BaseException as failure:
            if not isinstance(failure, SandboxSpecError):  # else the engine has said that it made none
                discard_unanswered(arguments["name"])
            if spec.network == "allowlist":
                close_way_out(arguments["name"])
            raise
        box = cls(container, sink)
        box._secrets, box._masker = values, masker
        try:
            with start_errors(spec):
                if spec.network == "setup-only":
                    # Before the start: there is no moment in which the sandbox runs with a network unasked for.
                    client.api.disconnect_container_from_network(str(container.id), NETWORK)
                container.start()
                container.reload()
            wait_until_ready(box.id, int(container.attrs["State"]["Pid"]))
            if spec.network in access.ALWAYS_CONNECTED:
                access.bring_certificates(box._own)
                box._environment = access.package_environment(spec.network)
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
        if NETWORK_LABEL not in container.labels:
            raise SandboxSpecError(f"container {container_id} is not a sandbox: it has no label {NETWORK_LABEL}")
        box = cls(container, sink)
        if box.network_policy in access.ALWAYS_CONNECTED:
            box._environment = access.package_environment(box.network_policy)
        return box

    @cached_property
    def _meter(self) -> Meter:
        host = find_host_cgroup(self.id, int(self._container.attrs["State"]["Pid"]))
        return Meter(host, reader_inside(self._live))

    @property
    def id(self) -> str:
        """The container's full id, for `attach`."""
        return self._live.id

    @property
    def image_id(self) -> str:
        """The id of the image that the sandbox runs, whatever its tag means by now."""
        return str(self._container.attrs["Image"])

    @property
    def name(self) -> str:
        """The container's name, as `docker ps` shows it."""
        return self._live.name

    @property
    def deadline(self) -> datetime:
        """When the sandbox ends itself."""
        return self._live.deadline

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
        stdin: bytes | None = None,
        user: str | None = None,
    ) -> ExecResult:
        """Run a command (a string: by ``bash -c``) and stream its output to the sink; a failing one is no error.

        `stdin` is what the command reads, None nothing. `user` (a number, never root) is another one than the
        sandbox's own.

        After `timeout_seconds` every process in the sandbox but its first is killed, also those that left the
        command's process group and those of other commands that still run; the sandbox itself stays usable. The same
        is done when the caller is interrupted, before the interruption goes on. What a command leaves running in the
        background otherwise goes on running.

        Raises:
            SandboxSpecError: the user is root, or the command or its environment cannot be sent as they are.
            SandboxDeadlineExceeded: the sandbox ended itself meanwhile.
            SandboxOutOfMemory: the kernel ended the sandbox, not just a process of it.
            SandboxUnavailable: the sandbox is gone or the engine fails.
        """
        asked = Command(
            argv=("bash", "-c", command) if isinstance(command, str) else tuple(command),
            cwd=cwd,
            env={**self._environment, **(env or {})},
            stdin=None if stdin is None else (stdin,),
            user=None if user is None else "{}:{}".format(*numeric_user(user)),
            timeout_seconds=timeout_seconds,
        )
        return Execution(self._live, asked, self._meter, self._sink, self._masker).run()

    def put(self, source: Path | Mapping[str, bytes], target: str) -> None:
        """Copy a folder's content, a single file, or a mapping of relative paths into the folder `target`.

        The folder is made if missing; everything belongs to the sandbox's user; modes are kept. Left out are
        symlinks that point outside the source folder, and what is neither file, folder nor symlink.

        Raises:
            SandboxFileError: a path is absolute or leaves the folder, the source is missing, or the disk is full.
        """
        files.put(self._own, source, target)

    def unpack(self, archive: IO[bytes], target: str) -> None:
        """Unpack a tar, read from where it stands, into the folder `target`, which is made if missing.

        What it unpacks belongs to the sandbox's user. The tar is the caller's own: its names are taken as they are.

        Raises:
            SandboxFileError: it is no tar, or the disk is full.
        """
        files.unpack(self._own, archive, target)

    def get(self, path: str, *, max_bytes: int = 16 << 20) -> bytes:
        """Return the content of a regular file; links, folders and devices are refused.

        Raises:
            SandboxFileError: it is missing, not a regular file, or larger than `max_bytes`.
        """
        return files.get(self._own, path, max_bytes=max_bytes)

    def get_tree(self, path: str, *, max_bytes: int = 64 << 20, max_files: int = 10_000) -> dict[str, bytes]:
        """Return the regular files below a folder by their path relative to it.

        Raises:
            SandboxFileError: it is missing, too large, or holds a link, a device or a name that leaves it.
        """
        return files.get_tree(self._own, path, max_bytes=max_bytes, max_files=max_files)

    def snapshot(self, paths: Sequence[str], to: IO[bytes], *, max_bytes: int = 4 << 30) -> int:
        """Write files and folders, by their absolute paths, to `to` as one uncompressed tar; return its bytes.

        Modes, times, symlinks and hard links are kept. What was written before an error is of no use. The tar is made
        inside and may say anything: it is for `restore` in another sandbox, never for unpacking on the host.

        Raises:
            SandboxFileError: a path is missing or relative, or the tar is over `max_bytes`.
        """
        return snapshots.snapshot(self._own, paths, to, max_bytes=max_bytes)

    def restore(self, archive: IO[bytes]) -> None:
        """Unpack what `snapshot` wrote, in this sandbox, at the places where it came from.

        Raises:
            SandboxFileError: it is no tar, or the disk is full.
        """
        snapshots.restore(self._own, archive)

    @contextmanager
    def secrets(self) -> Iterator[dict[str, str]]:
        """Lend the spec's secrets to the commands of a ``with`` block, as files: yields their paths by name.

        They can be read by the sandbox's user alone. Every process is killed when the block begins and when it ends,
        so that no other command sees them; after it they are gone, or the sandbox is. Whatever the block runs can
        read them: run nothing of the repository's in it. Output shows ``***`` instead of them, also later.

        Raises:
            SandboxUnavailable: they could not be brought or taken away; the sandbox is destroyed in the second case.
        """
        with secrets.lend(self._live, self._own, self._secrets) as paths:
            yield paths

    @contextmanager
    def network(self) -> Iterator[None]:
        """Connect the sandbox to the network for a ``with`` block (`setup-only`; `allowlist` and `full` always are).

        Commands of the block find in their environment how the host reaches package indexes: proxy, certificates,
        pip's and npm's index. URLs that hold a password are left out.

        Raises:
            SandboxSpecError: the policy is `none`.
        """
        if self.network_policy == "none":
            raise SandboxSpecError(f"sandbox {self.name} may never use the network: its policy is none")
        if self.network_policy in access.ALWAYS_CONNECTED:
            yield
            return
        access.bring_certificates(self._own)
        with access.connected(self._live):
            self._environment = access.package_environment(self.network_policy)
            try:
                yield
            finally:
                self._environment = {}

    def refusals(self) -> list[str]:
        """Return what the network policy `allowlist` kept from the sandbox so far: a sentence each, oldest first."""
        return refusals(self.name) if self.network_policy == "allowlist" else []

    def destroy(self) -> None:
        """Kill and remove the container with all in it; does nothing when it is gone already."""
        try:
            self._live.destroy()
        finally:
            if self.network_policy == "allowlist":
                close_way_out(self.name)

    def _own(
        self, command: Sequence[str], *, stdin: Iterable[bytes] = (), take: Callable[[bytes], object] = drop
    ) -> tuple[int, str]:
        return run_own(self._live, command, stdin=stdin, take=take)
