"""One command in a sandbox while it runs: follow its output, kill it when its time is over, tell its end."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from repo_agent_dagster.contracts.faults import RepoAgentError
from repo_agent_dagster.sandbox.commands.collecting import Collector
from repo_agent_dagster.sandbox.commands.connection import ExecConnection
from repo_agent_dagster.sandbox.commands.masking import Masker
from repo_agent_dagster.sandbox.commands.output import OutputSink
from repo_agent_dagster.sandbox.commands.usage import Meter
from repo_agent_dagster.sandbox.container import ENDING_SECONDS, LiveContainer
from repo_agent_dagster.sandbox.docker_engine import engine
from repo_agent_dagster.sandbox.spec import ExecResult, SandboxUnavailable
from repo_agent_dagster.store.ids import new_id

_POLL_SECONDS = 0.25
_KILL_AGAIN_SECONDS = 0.5
_ORPHAN_GRACE_SECONDS = 1.0
_DRAIN_SECONDS = 2.0
_KILLED = 128 + 9


@dataclass(frozen=True)
class Command:
    """What is run, where, with what, as whom (None: the sandbox's user), and for how long at most."""

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: Iterable[bytes] | None = None
    user: str | None = None
    timeout_seconds: float | None = None


class Execution:
    """One command while it runs; `run` it once."""

    def __init__(
        self, box: LiveContainer, command: Command, meter: Meter, sink: OutputSink | None, masker: Masker | None
    ) -> None:
        self._box = box
        self._command = command
        self._meter = meter
        self._sink = sink
        self._masker = masker
        self._id = new_id()
        self._collector = Collector(self._id, sink, masker)
        self._exec_id = ""
        self._timed_out = False

    def run(self) -> ExecResult:
        """Run the command to its end or its time-out.

        An error or an interruption of the caller (Ctrl-C, a cancelled run) kills every process of the sandbox before
        it goes on.
        """
        self._exec_id = self._prepare()
        self._meter.begin()
        started_at, started = datetime.now(UTC), time.monotonic()
        if self._sink is not None:
            self._sink.start(self._id, self._shown(), started_at)
        exit_code: int | None = None
        log_url = None
        try:
            exit_code = self._run(started)
        finally:
            if self._sink is not None:
                log_url = self._sink.finish(self._id, exit_code, datetime.now(UTC), timed_out=self._timed_out)
        return ExecResult(
            command=self._command.argv,
            exit_code=exit_code,
            duration_seconds=time.monotonic() - started,
            timed_out=self._timed_out,
            truncated=self._collector.cut or log_url is not None,
            output=self._collector.output,
            stdout=self._collector.stdout,
            command_id=self._id,
            log_url=log_url,
            started_at=started_at,
            usage=self._meter.end(),
        )

    def _prepare(self) -> str:
        command = self._command
        return self._box.exec_create(
            command.argv, command.cwd, command.env, stdin=command.stdin is not None, user=command.user
        )

    def _shown(self) -> tuple[str, ...]:
        if self._masker is None:
            return self._command.argv
        return tuple(self._masker.text(part) for part in self._command.argv)

    def _run(self, started: float) -> int | None:
        connection: ExecConnection | None = None
        try:
            connection = ExecConnection(engine(), self._exec_id, self._command.stdin)
            code = self._follow(connection, started)
            self._collector.finish()
            if code == _KILLED and not self._timed_out:
                self._box.require_running()
        except BaseException as failure:
            self._give_up(connection, failure)
            raise
        else:
            return None if self._timed_out else code
        finally:
            if connection is not None:
                connection.close()

    def _follow(self, connection: ExecConnection, started: float) -> int:
        """Take the output until the command ends, killing it when its time is over; return its exit code."""
        limit = None if self._command.timeout_seconds is None else started + self._command.timeout_seconds
        kill_at = limit
        ended_at: float | None = None
        streaming, pause = True, 0.005
        while True:
            now = time.monotonic()
            if kill_at is not None and limit is not None and now >= kill_at:
                if now >= limit + ENDING_SECONDS:
                    raise SandboxUnavailable(f"sandbox {self._box.name}: a command survived its time-out")
                # Again and again: a kill that comes before process 1 is ready to take it does nothing.
                self._timed_out, kill_at = True, now + _KILL_AGAIN_SECONDS
                self._box.kill_processes()
            wait = _POLL_SECONDS if kill_at is None else max(0.0, min(_POLL_SECONDS, kill_at - now))
            frames = connection.read(wait) if streaming else None
            streaming = frames is not None
            self._collector.take(frames or [])
            self._meter.sample()
            if frames:
                ended_at = None
                continue
            state = self._box.exec_state(self._exec_id)
            if state["Running"]:
                ended_at = None
                if not streaming:  # the command closed its output, and may go on for long
                    time.sleep(min(pause, wait))
                    pause = min(2 * pause, _POLL_SECONDS)
                continue
            # A child in the background may keep the stream open after the command itself has ended.
            ended_at = ended_at or now
            if not streaming or now - ended_at >= _ORPHAN_GRACE_SECONDS:
                return int(state["ExitCode"])

    def _give_up(self, connection: ExecConnection | None, failure: BaseException) -> None:
        """Kill all that the command started, and keep what it wrote until then; trouble in that is noted only."""
        if not self._box.is_gone:
            self._end(failure)
        with _noted_in(failure):
            limit = time.monotonic() + _DRAIN_SECONDS
            while connection is not None and time.monotonic() < limit and (frames := connection.read(0.1)):
                self._collector.take(frames)
            self._collector.finish()

    def _end(self, failure: BaseException) -> None:
        # After an error of the engine, or a command that survived, the next kill would only wait in vain again.
        if not isinstance(failure, SandboxUnavailable):
            try:
                self._box.end_exec(self._exec_id)
            except RepoAgentError as error:
                failure.add_note(f"and then: {error}")
            else:
                return
        gone = self._box.destroy()
        failure.add_note("its sandbox was destroyed" if gone else "its sandbox is left to the reaper")


@contextmanager
def _noted_in(failure: BaseException) -> Iterator[None]:
    try:
        yield
    except Exception as also:  # noqa: BLE001 - it is told with the failure that goes on
        if also is not failure:
            failure.add_note(f"and then: {also}")
