"""What the D1-to-RPC refactoring of a unit found, made and left: pure data, the same for the same files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Literal

Api = Literal["d1", "bun:sqlite", "better-sqlite3", "node:sqlite", "durable-object"]
"""The database interface that a call was written for."""
StatementKind = Literal["select", "insert", "update", "delete", "ddl", "pragma", "control", "other"]
Outcome = Literal["method", "migration", "dropped", "manual"]
"""What became of a statement: an entrypoint method, a D1 migration, nothing (a PRAGMA), or work for a person."""


@dataclass(frozen=True)
class CallSite:
    """Where a statement is called; `file` is relative to the target root, line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Statement:
    """One SQL statement at one call site.

    `call` is the last call of the chain (`all`, `first`, `run`, `toArray` …), `bindings` the source text of the values
    bound, `result_use` what the code does with the result, `method` the entrypoint method that took its place.
    """

    site: CallSite
    api: Api
    call: str
    sql: str
    kind: StatementKind
    tables: tuple[str, ...]
    parameters: tuple[str, ...]
    columns: tuple[str, ...]
    bindings: tuple[str, ...]
    result_use: str
    outcome: Outcome
    method: str | None = None


@dataclass(frozen=True)
class Parameter:
    """One parameter of an entrypoint method, with its TypeScript type."""

    name: str
    type: str


@dataclass(frozen=True)
class Method:
    """One generated entrypoint method: its parameters, what it resolves to, its SQL and who calls it."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    sql: tuple[str, ...]
    sites: tuple[CallSite, ...]

    @property
    def signature(self) -> str:
        """The method as a TypeScript signature, on one line."""
        parameters = ", ".join(f"{parameter.name}: {parameter.type}" for parameter in self.parameters)
        return f"{self.name}({parameters}): Promise<{self.returns}>"


@dataclass(frozen=True)
class ManualWork:
    """A place that was left as it is, and why; a person (or a goal run) must decide. `code` is its source text."""

    site: CallSite
    reason: str
    code: str


@dataclass(frozen=True)
class Note:
    """Something that was done, or should be known, without anything being left undone."""

    site: CallSite
    text: str


@dataclass(frozen=True)
class PublicChange:
    """An exported signature that changed: callers outside the unit must follow."""

    site: CallSite
    name: str
    before: str
    after: str


def _no_files() -> Mapping[str, bytes]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Refactoring:
    """Files to write and what there is to tell of them. Paths are relative to the target root.

    `orchestrator` holds whole new contents of files of the orchestrator package; `worker` those of the unit's files
    that change, None for a file that goes away. Neither holds a file that stays as it is.
    """

    orchestrator: Mapping[str, bytes] = field(default_factory=_no_files)
    worker: Mapping[str, bytes | None] = field(default_factory=_no_files)
    statements: tuple[Statement, ...] = ()
    methods: tuple[Method, ...] = ()
    manual: tuple[ManualWork, ...] = ()
    notes: tuple[Note, ...] = ()
    public_changes: tuple[PublicChange, ...] = ()
    generated: tuple[str, ...] = ()
    """The orchestrator's files that are this unit's own, generated ones, whether they change now or not."""

    @property
    def is_empty(self) -> bool:
        """Whether no file changes; there may still be manual work."""
        return not self.orchestrator and not self.worker

    def to_json(self) -> dict[str, Any]:
        """Return the refactoring as JSON values, contents by their SHA-256."""
        return {
            "is_empty": self.is_empty,
            "orchestrator": {path: sha256(content).hexdigest() for path, content in sorted(self.orchestrator.items())},
            "worker": {
                path: None if content is None else sha256(content).hexdigest()
                for path, content in sorted(self.worker.items())
            },
            "statements": [asdict(statement) for statement in self.statements],
            "methods": [{**asdict(method), "signature": method.signature} for method in self.methods],
            "manual": [asdict(work) for work in self.manual],
            "notes": [asdict(note) for note in self.notes],
            "public_changes": [asdict(change) for change in self.public_changes],
            "generated": list(self.generated),
        }
