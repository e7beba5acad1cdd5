"""One database operation of the code, as it is to become a call of an entrypoint method."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from repo_agent_dagster.migration.refactor.extraction.texts import SqlText
from repo_agent_dagster.migration.refactor.model import Api
from repo_agent_dagster.migration.refactor.syntax.edits import Piece
from repo_agent_dagster.migration.refactor.syntax.tree import Node

Mode = Literal[
    "d1-all",
    "d1-first",
    "d1-column",
    "d1-run",
    "d1-raw",
    "d1-batch",
    "d1-batch-each",
    "d1-exec",
    "rows",
    "row-or-null",
    "row-or-undefined",
    "one-row",
    "values",
    "first-values",
    "plucked",
    "plucked-one",
    "changes",
    "rows-written",
    "nothing",
    "transaction",
]
"""What a call resolves to: D1's own shapes, or those of the local databases (rows, changes, plucked columns)."""

Value: TypeAlias = tuple[Piece, ...]
"""The expression of a bound value, in pieces."""


@dataclass(frozen=True)
class BoundStatement:
    """A statement with the expressions of its values, in the order in which the statement takes them."""

    text: SqlText
    values: tuple[Value, ...]
    value_nodes: tuple[Node | None, ...]


@dataclass(frozen=True)
class Operation:
    """One call that becomes a method call.

    `node` is the whole expression that is replaced, `handle` the database in it (or where its statement was prepared),
    `statements` more than one for a batch. `row_type` is the type argument that the code gives the rows.
    """

    node: Node
    handle: Node
    api: Api
    call: str
    mode: Mode
    statements: tuple[BoundStatement, ...]
    row_type: str | None = None
    column: str | None = None
    body: "TransactionBody | None" = None
    rows: tuple[Node, str] | None = None
    """For a batch over a list: the list, and the head of the function that maps it (``(item) => ``)."""


@dataclass(frozen=True)
class Captured:
    """A value that a transaction takes from outside: its name in the method, its type and its expression here."""

    name: str
    type: str
    value: Value


@dataclass(frozen=True)
class TransactionBody:
    """A transaction's function as the body of one method: its text, with the statements pushed onto a batch.

    Each text is a piece of the body, each number stands for a statement of the operation. `kept` are the statements
    whose results are read, and `after` is the code that reads them, once all have run (`results[at0]`). `returns` is
    the type of what it gives, None for nothing.
    """

    parts: tuple[str | int, ...]
    captured: tuple[Captured, ...]
    name: str
    returns: str | None = None
    kept: tuple[int, ...] = ()
    after: str = ""


@dataclass(frozen=True)
class Obstacle:
    """A use of a database that cannot be moved, and why.

    `hides` tells that its SQL is not known, so that it may be about any table.
    """

    node: Node
    reason: str
    sql: str | None = None
    hides: bool = True


@dataclass(frozen=True)
class Dropped:
    """A statement of the code that goes away; `why` is told in a note, None where it is a matter of course."""

    node: Node
    why: str | None
    sql: str | None = None
    call: str = "exec"


@dataclass(frozen=True)
class SchemaUse:
    """SQL that makes the tables, run by the code: it becomes a D1 migration, and the call goes away."""

    node: Node
    sql: tuple[str, ...]
    text: SqlText
    call: str


@dataclass
class Uses:
    """All that one file does with databases. `flows` are pairs of files that one database is handed between."""

    operations: list[Operation] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    schema: list[SchemaUse] = field(default_factory=list)
    flows: set[str] = field(default_factory=set)
    later: dict[Node, Node] = field(default_factory=dict)
    """Later uses of kept rows (``cursor.toArray()``), with the name that stands there when the rows are an array."""
    prepared: list[Node] = field(default_factory=list)
    """Expressions that prepare a statement which is run elsewhere."""
    creations: list[Node] = field(default_factory=list)
    """Expressions that open a database, or take it from its environment."""
