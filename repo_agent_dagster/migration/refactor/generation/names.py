"""Names of methods, types and parameters, made of verbs, tables and columns."""

import re
from collections.abc import Container

from repo_agent_dagster.migration.refactor.extraction.operations import Operation
from repo_agent_dagster.migration.refactor.sql.reading import StatementFacts

_SAME_IN_PLURAL = frozenset(
    {"feedback", "metadata", "data", "news", "series", "info", "status", "history", "analytics", "settings", "content"}
)
_RESERVED = frozenset(
    {
        "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do", "else",
        "enum", "export", "extends", "false", "finally", "for", "function", "if", "import", "in", "instanceof", "new",
        "null", "return", "super", "switch", "this", "throw", "true", "try", "typeof", "var", "void", "while", "with",
        "yield", "let", "static", "implements", "interface", "package", "private", "protected", "public", "arguments",
        "eval", "batch", "row", "results", "meta",
    }
)  # fmt: skip
TAKEN_BY_ENTRYPOINTS = frozenset(
    {
        "fetch",
        "connect",
        "queue",
        "tail",
        "scheduled",
        "email",
        "trace",
        "test",
        "dup",
        "constructor",
        "env",
        "ctx",
        "then",
    }
)
"""Names that an entrypoint class has already, or that RPC gives a meaning."""
_LISTS = frozenset({"d1-all", "d1-raw", "rows", "values", "plucked"})


def words_of(name: str) -> list[str]:
    """Return the words of ``snake_case``, ``kebab-case`` or ``camelCase`` in lower case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]


def pascal(name: str) -> str:
    """Return a name as ``PascalCase``."""
    return "".join(word[:1].upper() + word[1:] for word in words_of(name))


def camel(name: str) -> str:
    """Return a name as ``camelCase`` that can be a parameter's."""
    made = pascal(name)
    made = made[:1].lower() + made[1:]
    if not made or made[0].isdigit():
        made = f"value{made}"
    return f"{made}Value" if made in _RESERVED else made


def singular(word: str) -> str:
    """Return an English table name for one of its rows."""
    lower = word.lower()
    if lower in _SAME_IN_PLURAL or lower.endswith(("ss", "us", "is")) or len(word) < 3:
        return word
    if lower.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if lower.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if lower.endswith("s") else word


def plural(word: str) -> str:
    """Return an English table name for several of its rows."""
    lower = word.lower()
    if lower in _SAME_IN_PLURAL or (lower.endswith("s") and not lower.endswith(("ss", "us", "is"))):
        return word
    if lower.endswith("y") and lower[-2:-1] not in set("aeiou"):
        return word[:-1] + "ies"
    return word + "es" if lower.endswith(("ss", "us", "x", "ch", "sh")) else word + "s"


def one_of(table: str) -> str:
    """Return the PascalCase name of one row of a table: ``order_items`` → ``OrderItem``."""
    *head, last = words_of(table) or ["row"]
    return pascal(" ".join([*head, singular(last)]))


def all_of(table: str) -> str:
    """Return the PascalCase name of a table's rows."""
    *head, last = words_of(table) or ["row"]
    return pascal(" ".join([*head, plural(last)]))


def method_name(operation: Operation, facts: tuple[StatementFacts, ...], taken: Container[str]) -> str:
    """Return the name of an operation's method, the shortest that is free of those that say what it does."""
    for name in _candidates(operation, facts):
        if name not in taken and name not in TAKEN_BY_ENTRYPOINTS:
            return name
    stem, number = _candidates(operation, facts)[-1], 2
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


def _candidates(operation: Operation, facts: tuple[StatementFacts, ...]) -> list[str]:
    if operation.body is not None:
        return [camel(operation.body.name)]
    if len(facts) > 1:
        tables = list(dict.fromkeys(one_of(table) for fact in facts for table in fact.tables[:1]))
        return [f"batch{''.join(tables[:3])}"]
    (fact,) = facts
    table = fact.tables[0] if fact.tables else "value"
    by = "And".join(pascal(column) for column in fact.by[:3])
    where = f"By{by}" if by else ""
    if fact.kind == "insert":
        verb = "upsert" if fact.upserts else "insert"
        noun = all_of(table) if operation.mode == "d1-batch-each" else one_of(table)
        return [f"{verb}{noun}"]
    if fact.kind == "update":
        sets = "And".join(pascal(column) for column in fact.sets[:2]) if len(fact.sets) <= 2 else ""
        noun = all_of(table) if not by else one_of(table)
        return [f"update{noun}", f"update{noun}{sets}", f"update{noun}{sets}{where}"]
    if fact.kind == "delete":
        noun = one_of(table) if by else all_of(table)
        return [f"delete{noun}", f"delete{noun}{where}"]
    if fact.counts:
        return [f"count{all_of(table)}{where}"]
    joined = all_of(fact.tables[1]) if len(fact.tables) > 1 else ""
    columns = [column.name for column in fact.columns or ()]
    few = pascal(" ".join(columns)) if len(columns) == 1 else ""
    if operation.mode in _LISTS:
        return [
            f"list{all_of(table)}{where}",
            *([f"list{one_of(table)}{plural(few)}{where}"] if few else []),
            *([f"list{all_of(table)}With{joined}{where}"] if joined else []),
        ]
    return [
        f"find{one_of(table)}{where}",
        *([f"find{one_of(table)}{few}{where}"] if few else []),
        *([f"find{one_of(table)}With{joined}{where}"] if joined else []),
    ]


def parameter_name(wanted: str | None, expression: str, taken: Container[str]) -> str:
    """Return a free parameter's name: by the column, or else by the expression's last name."""
    if wanted is None:
        last = re.search(r"([A-Za-z_$][\w$]*)\W*$", expression)
        wanted = last[1] if last is not None and re.fullmatch(r"[\w$.?!#]+", expression) else "value"
    name = camel(wanted)
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}{number}", number + 1
    return free
