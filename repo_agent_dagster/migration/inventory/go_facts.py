"""What a Go file says of itself: package comment, exported names, imports, tests, entry point, stores."""

import re
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.inventory.comments import comment_text, head_text, is_for_tools, joined_lines
from repo_agent_dagster.migration.inventory.facts import Export, ImportFact, SourceFacts
from repo_agent_dagster.migration.inventory.model import StorageUse
from repo_agent_dagster.migration.inventory.sql_text import is_statement, told

if TYPE_CHECKING:
    from ast_grep_py import SgNode

DRIVERS = {
    "database/sql": "sql", "github.com/mattn/go-sqlite3": "sqlite", "modernc.org/sqlite": "sqlite",
    "github.com/lib/pq": "postgres", "github.com/jackc/pgx": "postgres", "github.com/go-sql-driver/mysql": "mysql",
    "go.mongodb.org/mongo-driver": "mongodb", "github.com/redis/go-redis": "redis", "gorm.io/gorm": "orm",
}  # fmt: skip
"""Packages that keep data, and what they are; a longer path below one is the same."""

_SQL_METHODS = r"^(?:Exec|Query|QueryRow|Prepare|Get|Select|ExecContext|QueryContext|QueryRowContext|PrepareContext)$"
_STRINGS = frozenset({"interpreted_string_literal", "raw_string_literal"})


def read_facts(path: str, text: str) -> SourceFacts:
    """Return the facts of one file from its syntax tree."""
    from ast_grep_py import SgRoot

    root = SgRoot(text, "go").root()
    children = list(root.children())
    package = next((node for node in children if node.kind() == "package_clause"), None)
    name = "" if package is None else next((one.text() for one in package.children() if one.is_named()), "")
    names = _names(children)
    functions = {one for one, _ in names}
    errors = root.find_all(kind="ERROR")
    return SourceFacts(
        head=_head(children, package),
        exports=tuple(Export(one, comment) for one, comment in names if one[:1].isupper()),
        definitions=tuple(one for one, _ in names if not one[:1].isupper()),
        imports=tuple(_import(spec) for spec in root.find_all(kind="import_spec")),
        storage=tuple(_statements(root)) if re.search(r"(?i)\b(?:select|insert|update|delete|create)\b", text) else (),
        test_cases=sum(re.match(r"(?:Test|Benchmark|Fuzz|Example)(?![a-z])", one) is not None for one in functions)
        if path.endswith("_test.go")
        else 0,
        entry_point="program" if name == "main" and "main" in functions else None,
        package=name or None,
        notes=tuple(f"line {error.range().start.line + 1}: the parser does not understand this" for error in errors),
    )


def _head(children: "list[SgNode]", package: "SgNode | None") -> str | None:
    if package is None:
        return None
    start = package.range().start.line
    comments = [
        (node.text(), node.range().start.line, node.range().end.line)
        for node in children
        if node.kind() == "comment" and node.range().start.line < start
    ]
    return head_text(raw for raw, _, _ in reversed(joined_lines(comments)))


def _names(children: "list[SgNode]") -> list[tuple[str, str | None]]:
    """Return the functions, types, constants and variables of a file with their comments; methods are left out."""
    found: list[tuple[str, str | None]] = []
    for index, node in enumerate(children):
        kind = node.kind()
        if kind == "function_declaration":
            name = node.field("name")
            if name is not None:
                found.append((name.text(), _comment_above(children, index)))
        elif kind in {"type_declaration", "const_declaration", "var_declaration"}:
            specs = [
                one for one in node.children() if one.kind() in {"type_spec", "type_alias", "const_spec", "var_spec"}
            ]
            found += [(name.text(), _comment_above(children, index)) for one in specs if (name := one.field("name"))]
    return found


def _comment_above(children: "list[SgNode]", index: int) -> str | None:
    lines: list[str] = []
    below = children[index].range().start.line
    for node in reversed(children[:index]):
        if node.kind() != "comment" or node.range().end.line + 1 != below:
            break
        lines.insert(0, node.text())
        below = node.range().start.line
    text = comment_text("\n".join(lines))
    return text if text and not is_for_tools(text) else None


def _import(spec: "SgNode") -> ImportFact:
    path = spec.field("path")
    text = spec.text() if path is None else path.text()
    return ImportFact(text[1:-1], spec.range().start.line + 1)


def _statements(root: "SgNode") -> list[StorageUse]:
    found = []
    for call in root.find_all(
        kind="call_expression",
        has={"field": "function", "kind": "selector_expression", "has": {"field": "field", "regex": _SQL_METHODS}},
    ):
        arguments = call.field("arguments")
        strings = [] if arguments is None else [one for one in arguments.children() if one.kind() in _STRINGS]
        found += [
            StorageUse("sql", call.range().start.line + 1, told(one.text()[1:-1]))
            for one in strings[:1]
            if is_statement(one.text()[1:-1])
        ]
    return found
