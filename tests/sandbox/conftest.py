"""A running sandbox for tests, and a sink that remembers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from repo_agent_dagster.sandbox.commands.output import OutputLine
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from repo_agent_dagster.store.ids import new_id


@dataclass
class MemorySink:
    """Keeps all that it is told."""

    commands: list[tuple[str, ...]] = field(default_factory=list)
    batches: list[list[OutputLine]] = field(default_factory=list)
    endings: list[tuple[int | None, bool]] = field(default_factory=list)

    @property
    def lines(self) -> list[OutputLine]:
        return [line for batch in self.batches for line in batch]

    def start(self, command_id: str, command: Sequence[str], at: datetime) -> None:
        self.commands.append(tuple(command))

    def write(self, command_id: str, lines: Sequence[OutputLine]) -> None:
        if lines:
            self.batches.append(list(lines))

    def finish(self, command_id: str, exit_code: int | None, at: datetime, *, timed_out: bool) -> str | None:
        self.endings.append((exit_code, timed_out))
        return None


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def task_id() -> str:
    return new_id()


@pytest.fixture
def box(sandbox_image: str, task_id: str, sink: MemorySink) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec(task_id, deadline_seconds=120), sink=sink) as made:
        yield made
