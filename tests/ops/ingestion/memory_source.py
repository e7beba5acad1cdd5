"""A source whose objects lie in memory and fail as they are told to, for what files cannot be made to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.sources.protocol import Window


@dataclass
class MemoryObject:
    """An object of lines; `fault` is raised after them, `reads` counts how often it was read."""

    name: str
    lines: Sequence[str] = ()
    version: str | None = None
    job: BuildJob | None = None
    fault: BaseException | None = None
    reads: int = 0

    def chunks(self) -> Iterator[bytes]:
        self.reads += 1
        for line in self.lines:
            yield line.encode() + b"\n"
        if self.fault:
            raise self.fault


@dataclass
class MemorySource:
    """A source that yields its objects and then raises its fault."""

    objects: Sequence[MemoryObject] = ()
    fault: BaseException | None = None
    name: str = "test-worker"
    kind: LogKind = "worker"
    windows: list[Window] = field(default_factory=list)

    def fetch(self, window: Window) -> Iterator[MemoryObject]:
        self.windows.append(window)
        yield from self.objects
        if self.fault:
            raise self.fault
