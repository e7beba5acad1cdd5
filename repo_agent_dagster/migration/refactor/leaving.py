"""Which files stay as they are: those that cannot move, and those that would be split from them.

A table must live in one place: if one statement on it stays, all statements on it stay. A database that is handed
from file to file is one thing too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from repo_agent_dagster.migration.refactor.extraction.operations import Obstacle, Operation, Uses
from repo_agent_dagster.migration.refactor.sql.reading import StatementFacts, read_statement
from repo_agent_dagster.migration.refactor.sql.schema import Schema, schema_statement
from repo_agent_dagster.migration.refactor.sql.tokens import split_statements

_ANY = "*"


@dataclass
class Left:
    """Files that stay: with obstacles of their own, or drawn in by another file, with the reason."""

    obstacles: dict[str, list[Obstacle]] = field(default_factory=dict)
    drawn: dict[str, str] = field(default_factory=dict)

    def __contains__(self, path: str) -> bool:
        return path in self.obstacles or path in self.drawn

    def add(self, path: str, obstacle: Obstacle) -> None:
        """Leave a file for an obstacle in it."""
        self.obstacles.setdefault(path, []).append(obstacle)


def spread(
    left: Left, uses: Mapping[str, Uses], schema: Schema, facts: Callable[[Operation], tuple[StatementFacts, ...]]
) -> None:
    """Leave also the files that share a database or a table with one that is left."""
    tables = {path: _tables(one, facts) for path, one in uses.items()}
    while True:
        drawn = _by_flow(left, uses) or _by_table(left, uses, schema, tables)
        if not drawn:
            return
        for path, reason in sorted(drawn.items()):
            left.drawn.setdefault(path, reason)


def _by_flow(left: Left, uses: Mapping[str, Uses]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, one in sorted(uses.items()):
        for other in sorted(one.flows):
            if other in uses and (path in left) != (other in left):
                goes, stays = (path, other) if other in left else (other, path)
                found.setdefault(goes, f"left with {stays}, which shares its database")
    return found


def _by_table(left: Left, uses: Mapping[str, Uses], schema: Schema, tables: Mapping[str, set[str]]) -> dict[str, str]:
    held: dict[str, str] = {}
    for path in sorted(uses):
        if path in left:
            own = tables[path] | _hidden(left.obstacles.get(path, []), schema)
            for table in sorted(_tied(own, schema)):
                held.setdefault(table, path)
    found: dict[str, str] = {}
    for path in sorted(uses):
        if path in left or not tables[path]:
            continue
        if _ANY in held:
            found[path] = f"left with {held[_ANY]}, of whose SQL it cannot be told which tables it is about"
        elif shared := sorted(tables[path] & set(held)):
            found[path] = f"left with {held[shared[0]]}, which uses the table {shared[0]} too"
    return found


def _tables(uses: Uses, facts: Callable[[Operation], tuple[StatementFacts, ...]]) -> set[str]:
    """Return the tables that a file's statements are about, in lower case; those of its schema too."""
    found = {table.lower() for one in uses.operations for fact in facts(one) for table in fact.tables}
    for made in uses.schema:
        for sql in made.sql:
            change = schema_statement(sql)
            if change is not None and change.table is not None:
                found.add(change.table)
    return found


def _tied(tables: set[str], schema: Schema) -> set[str]:
    """Return the tables with all that foreign keys tie to them: a key cannot reach into another database."""
    found = set(tables)
    while True:
        more = {
            other
            for name, table in schema.tables.items()
            for other in ({name} if table.references & found else set())
            | (table.references if name in found else set())
        }
        if more <= found:
            return found
        found |= more


def _hidden(obstacles: list[Obstacle], schema: Schema) -> set[str]:
    """Return the tables of statements that cannot move; of one that cannot be read, any."""
    found: set[str] = set()
    for obstacle in obstacles:
        if not obstacle.hides:
            continue
        for sql in split_statements(obstacle.sql or "") or ("",):
            fact = read_statement(sql, schema)
            readable = sql and fact.kind in {"select", "insert", "update", "delete", "ddl"} and not fact.trouble
            found |= {table.lower() for table in fact.tables} if readable and fact.tables else {_ANY}
    return found
