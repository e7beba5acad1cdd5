"""Ask each source one cheap thing, to know before the night whether it will answer."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.ops.sources.directory import DirectorySource
from repo_agent_dagster.ops.sources.object_store import ObjectStoreSource
from repo_agent_dagster.ops.sources.protocol import LogSource


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """Whether a source answers, and what it says, or what to do."""

    name: str
    ok: bool
    detail: str


@runtime_checkable
class _SelfChecking(Protocol):
    def check(self) -> str:
        """Say what is there; raise a fault where nothing answers."""
        ...


def check(source: LogSource) -> SourceCheck:
    """Ask the source one cheap thing; nothing is ingested, and no fault is raised."""
    try:
        return SourceCheck(source.name, True, _said(source))
    except (PermanentFault, TransientFault, OSError) as fault:
        return SourceCheck(source.name, False, str(fault))


def _said(source: LogSource) -> str:
    match source:
        case DirectorySource():
            if not source.folder.is_dir():
                raise NotADirectoryError(f"{source.folder} is no folder: make it, or correct the source's folder")
            next(source.folder.iterdir(), None)
            return f"{source.folder} is readable"
        case ObjectStoreSource():
            first = next(iter(source.store.objects()), None)
            return f"{source.store.root} is readable{'' if first else ', and holds nothing yet'}"
        case _SelfChecking():
            return source.check()
        case _:
            return "it is not checked before it is read"
