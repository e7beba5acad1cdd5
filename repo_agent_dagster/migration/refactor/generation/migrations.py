"""The D1 migration of the tables that the orchestrator lacks."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from repo_agent_dagster.migration.refactor.sql.schema import Schema, added_column, schema_statement
from repo_agent_dagster.migration.refactor.sql.tokens import split_statements


@dataclass(frozen=True)
class MigrationFile:
    """A new migration, None where the orchestrator has everything; `clashes` names tables that differ there."""

    path: str | None
    text: str


def sql_files(folder: str, paths: Iterable[str]) -> list[str]:
    """Return the migrations of a folder in the order in which they are run."""
    prefix = f"{folder}/" if folder not in {"", "."} else ""
    return sorted(path for path in paths if path.startswith(prefix) and path.endswith(".sql"))


def migration_file(
    folder: str, present: Sequence[str], unit: str, statements: Sequence[str], has: Schema
) -> MigrationFile:
    """Return the migration with the statements of the unit's schema that the orchestrator's schema does not hold."""
    wanted: list[str] = []
    for statement in statements:
        change = schema_statement(statement)
        if change is None:
            wanted.append(statement)  # a row that belongs to a table below
        elif change.action == "create" and change.name not in has.objects:
            wanted.append(statement)
        elif change.action == "alter":
            column, table = added_column(statement), has.table(change.name)
            if column is None or table is None or table.column(column.name) is None:
                wanted.append(statement)
        elif change.action == "drop":
            wanted.append(statement)
    wanted = list(dict.fromkeys(_tidy(statement) for statement in wanted))
    if not any(schema_statement(one) for one in wanted):
        return MigrationFile(None, "")
    numbers = [int(match[1]) for path in present if (match := re.match(r"(\d+)[_-]", path.rpartition("/")[2]))]
    name = f"{max(numbers, default=0) + 1:04d}_{re.sub(r'[^A-Za-z0-9]+', '_', unit)}.sql"
    head = f"-- The tables of {unit}, as its worker made them for itself.\n\n"
    path = f"{folder}/{name}" if folder not in {"", "."} else name
    return MigrationFile(path, head + "\n\n".join(f"{one};" for one in wanted) + "\n")


def _tidy(statement: str) -> str:
    """Return a statement with the indentation of its code taken out."""
    lines = statement.replace("\r\n", "\n").split("\n")
    rest = [line for line in lines[1:] if line.strip()]
    last = lines[-1] if len(lines) > 1 and lines[-1].strip() else ""
    margin = (
        len(last) - len(last.lstrip()) if last else min((len(line) - len(line.lstrip()) for line in rest), default=0)
    )
    return "\n".join(
        [lines[0].rstrip(), *(line[min(margin, len(line) - len(line.lstrip())) :].rstrip() for line in lines[1:])]
    )


def schema_texts(contents: Iterable[bytes]) -> list[str]:
    """Return the SQL of migration files as text."""
    return [content.decode("utf-8", "replace") for content in contents]


def same_columns(first: Schema, second: Schema, name: str) -> bool:
    """Whether a table has the same columns, by name, in two schemas (one of which may not have it)."""
    one, other = first.table(name), second.table(name)
    return one is None or other is None or set(one.columns) <= set(other.columns)


__all__ = ["MigrationFile", "migration_file", "same_columns", "schema_texts", "split_statements", "sql_files"]
