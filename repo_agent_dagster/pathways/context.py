"""What the steps of a pathway work with: sandboxes, mirrors, artifacts, and where their decisions are told.

A job makes one for its run and `repo-agent task run` one for its process; the steps cannot tell which.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.store import ai_logs, test_results
from repo_agent_dagster.store.ai_logs import AiCall
from repo_agent_dagster.store.engine import write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.ai import Provider
    from repo_agent_dagster.artifacts import TaskArtifacts
    from repo_agent_dagster.contracts.suites import CaseResult
    from repo_agent_dagster.pathways.scripts import Scripts
    from repo_agent_dagster.pathways.setup.kept import KeptSetups
    from repo_agent_dagster.sandbox import OutputSink, Repositories, Sandbox, SandboxSpec

RULES = "rules"
"""Provider name of a thought that no model had."""


class Sandboxes:
    """The sandboxes of one task: made alike, destroyed together."""

    def __init__(self, spec: "SandboxSpec", sink: "OutputSink | None" = None) -> None:
        self.spec = spec
        self._sink = sink
        self._opened: list[tuple[Sandbox, dict[str, Any]]] = []

    def open(self, **changes: Any) -> "Sandbox":
        """Start a sandbox like the others of this task but for these fields of its spec.

        Raises:
            SandboxSpecError: the image is missing, or a limit is refused.
            SandboxUnavailable: the engine does not do it; a retry may succeed.
        """
        # Loaded here and not above, so that the pure parts of this package do without docker.
        from repo_agent_dagster.sandbox import Sandbox

        box = Sandbox.create(replace(self.spec, **changes), sink=self._sink)
        self._opened.append((box, changes))
        return box

    def open_like(self, box: "Sandbox") -> "Sandbox":
        """Start a sandbox of the same kind as one that was opened here: its image, its limits, its network."""
        changes = next((changes for opened, changes in self._opened if opened is box), {})
        return self.open(**changes)

    def destroy_all(self) -> None:
        """Destroy every sandbox that was opened here; safe to call twice."""
        while self._opened:
            self._opened.pop()[0].destroy()


@dataclass
class TaskContext:
    """What the steps of one attempt at a task work with.

    `durations` are seconds by step, in the order of steps; `say` takes a line of progress for whoever watches.
    `provider` makes the task's model, None where none is configured. `kept_setups` keeps what was installed, None where
    nothing is kept; `allowed_images` are globs of the images that a recipe may ask for.
    """

    task_id: str
    engine: "Engine"
    sandboxes: Sandboxes
    repositories: "Repositories"
    artifacts: "TaskArtifacts"
    scripts: "Scripts"
    now: Callable[[], datetime]
    provider: "Callable[[], Provider] | None" = None
    kept_setups: "KeptSetups | None" = None
    allowed_images: tuple[str, ...] = ()
    say: Callable[[str], None] = lambda _line: None
    durations: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step of the pathway, under its name as the job's op has it."""
        self.say(name)
        started = time.monotonic()
        try:
            yield
        finally:
            self.durations[name] = round(self.durations.get(name, 0.0) + time.monotonic() - started, 3)

    def think(self, agent: str, thought: str) -> None:
        """Keep a decision of the pathway and its reason, as `ai_operation_logs` keeps a model's.

        `agent` is the step or the part of it that decided, e.g. ``set_up`` or ``minimise``.
        """
        call = AiCall(
            timestamp=self.now(), agent_name=agent, ai_provider=RULES, thought=thought, task_request_id=self.task_id
        )
        with write_transaction(self.engine) as conn:
            ai_logs.append(conn, call)
        self.say(f"{agent}: {thought}")

    def keep_cases(self, run: str, cases: "Sequence[CaseResult]") -> None:
        """Keep the tests of one run of a suite; `run` is its label, e.g. ``before``, ``after``, ``unit 1``."""
        with write_transaction(self.engine) as conn:
            test_results.replace(conn, self.task_id, run, cases)
