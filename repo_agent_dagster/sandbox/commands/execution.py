"""One command in a sandbox while it runs: follow its output, kill it when its time is over, tell its end."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from repo_agent_dagster.sandbox.commands.collecting import Collector
from repo_agent_dagster.sandbox.commands.connection import ExecConnection
from repo_agent_dagster.sandbox.commands.output import OutputSink
from repo_agent_dagster.sandbox.container import ENDING_SECONDS, LiveContainer
from repo_agent_dagster.sandbox.docker_engine import engine
from repo_agent_dagster.sandbox.spec import ExecResult, SandboxUnavailable
from repo_agent_dagster.store.ids import new_id

_POLL_SECONDS = 0.25
_ORPHAN_GRACE_SECONDS = 1.0
_KILLED = 128 + 9


class Execution:
    """One command while it runs; `run` it once."""

    def __init__(
        self,
        box: LiveContainer,
        sink: OutputSink | None,
        command: tuple[str, ...],
        cwd: str,
        env: Mapping[str, str],
        timeout_seconds: float | None,
    ) -> None:
        self._box = box
        self._sink = sink
        self._command = command
        self._cwd = cwd
        self._env = env
        self._timeout = timeout_seconds
        self._id = new_id()
        self._collector = Collector(self._id, sink)

    def run(self) -> ExecResult:
        """Run the command to its end or its time-out."""
        sink = self._sink
        exec_id = self._box.exec_create(self._command, self._cwd, self._env)
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
                self._collector.finish()
            code = self._box.exit_code(exec_id)
            if code == _KILLED and not timed_out:
                self._box.require_running()
            exit_code = None if timed_out else code
        finally:
            if sink is not None:
                log_path = sink.finish(self._id, exit_code, datetime.now(UTC), timed_out=timed_out)
        return ExecResult(
            command=self._command,
            exit_code=exit_code,
            duration_seconds=time.monotonic() - started,
            timed_out=timed_out,
            truncated=self._collector.cut or log_path is not None,
            output=self._collector.output,
            stdout=self._collector.stdout,
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
                if timed_out and now >= started + (self._timeout or 0) + ENDING_SECONDS:
                    self._box.destroy()
                    raise SandboxUnavailable(f"sandbox {self._box.name}: a command survived its time-out; destroyed it")
                # Again and again: a kill that comes before process 1 is ready to take it does nothing.
                timed_out, end = True, now + 0.5
                self._box.kill_processes()
            wait = _POLL_SECONDS if end is None else max(0.0, min(_POLL_SECONDS, end - now))
            frames = connection.read(wait)
            if frames is None:
                return timed_out
            self._collector.take(frames)
            # A child in the background may keep the stream open after the command itself has ended.
            if frames or self._box.exec_state(exec_id)["Running"]:
                ended_at = None
            elif ended_at is None:
                ended_at = now
            elif now - ended_at >= _ORPHAN_GRACE_SECONDS:
                return timed_out
