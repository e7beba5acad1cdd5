"""The D1 migration of the tables that the orchestrator lacks."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from repo_agent_dagster.migration.refactor.sql.schema import Schema, added_column, read_schema, schema_statement


@dataclass(frozen=True)
class Migrations:
    """The orchestrator's migrations: all paths in order, and which of them are this unit's own."""

    folder: str
    unit: str
    present: tuple[str, ...]

    @property
    def own(self) -> tuple[str, ...]:
        """The migrations that were generated for this unit: ``NNNN_<unit>.sql``."""
        pattern = re.compile(rf"\d+_{re.escape(_plain(self.unit))}\.sql")
        return tuple(path for path in self.present if pattern.fullmatch(path.rpartition("/")[2]))

    @property
    def others(self) -> tuple[str, ...]:
        """The migrations that are not this unit's."""
        return tuple(path for path in self.present if path not in self.own)

    def next_path(self) -> str:
        """Return the path of a further migration of this unit."""
        names = [path.rpartition("/")[2] for path in self.present]
        numbers = [int(match[1]) for name in names if (match := re.match(r"(\d+)[_-]", name))]
        name = f"{max(numbers, default=0) + 1:04d}_{_plain(self.unit)}.sql"
        return f"{self.folder}/{name}" if self.folder not in {"", "."} else name


def _plain(unit: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", unit)


def find_migrations(folder: str, unit: str, paths: Iterable[str]) -> Migrations:
    """Return the migrations of a folder in the order in which they are run."""
    prefix = f"{folder}/" if folder not in {"", "."} else ""
    present = sorted(path for path in paths if path.startswith(prefix) and path.endswith(".sql"))
    return Migrations(folder, unit, tuple(present))


def lacking(statements: Sequence[str], has: Schema) -> list[str]:
    """Return the statements of a unit's schema that another schema does not hold, with columns that it lacks."""
    wanted: list[str] = []
    rows: list[str] = []
    for statement in statements:
        change = schema_statement(statement)
        if change is None:
            rows.append(statement)  # what a table begins with
        elif change.action == "create" and change.name not in has.objects:
            wanted.append(statement)
        elif change.action == "alter":
            column, table = added_column(statement), has.table(change.name)
            if table is None or (column is not None and table.column(column.name) is None):
                wanted.append(statement)
    mine = read_schema(statements)
    for name, table in mine.tables.items():
        known = has.table(name)
        added = {column.name.lower() for one in statements if (column := added_column(one)) is not None}
        for key, column in table.columns.items() if known is not None else ():
            if known is not None and key not in known.columns and key not in added and column.definition:
                wanted.append(f"ALTER TABLE {name} ADD COLUMN {column.definition}")
    return list(dict.fromkeys(_tidy(one) for one in [*wanted, *rows])) if wanted else []


def migration_text(unit: str, statements: Sequence[str]) -> str:
    """Return a migration file's text."""
    head = f"-- The tables of {unit}, as its worker made them for itself.\n\n"
    return head + "\n\n".join(f"{one};" for one in statements) + "\n"


def _tidy(statement: str) -> str:
    """Return a statement with the indentation of its code taken out."""
    lines = statement.replace("\r\n", "\n").split("\n")
    rest = [line for line in lines[1:] if line.strip()]
    last = lines[-1] if len(lines) > 1 and lines[-1].strip() else ""
    margin = _margin(last) if last else min((_margin(line) for line in rest), default=0)
    return "\n".join([lines[0].rstrip(), *(line[min(margin, _margin(line)) :].rstrip() for line in lines[1:])])


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())
