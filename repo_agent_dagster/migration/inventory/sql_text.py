"""Whether a text is an SQL statement, and how it is told in one line."""

import re

from repo_agent_dagster.migration.inventory.comments import shortened

_LONGEST = 90
_STATEMENT = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(?:"
    r"SELECT\s(?=[\s\S]*(?:\bFROM\b|[\d(?]))|INSERT\s+(?:OR\s+\w+\s+)?INTO\s|REPLACE\s+INTO\s|UPDATE\s+\S+\s+SET\s|UPDATE\s+OR\s|DELETE\s+FROM\s|"
    r"CREATE\s+(?:TEMP\w*\s+|UNIQUE\s+|VIRTUAL\s+|OR\s+REPLACE\s+)*(?:TABLE|INDEX|VIEW|TRIGGER|SCHEMA|TYPE|FUNCTION)\s|"
    r"ALTER\s+TABLE\s|DROP\s+(?:TABLE|INDEX|VIEW|TRIGGER)\s|PRAGMA\s|WITH\s+(?:RECURSIVE\s+)?\w+\s*(?:\(|AS\s)|"
    r"(?:BEGIN|COMMIT|ROLLBACK|VACUUM)\b\s*(?:TRANSACTION|IMMEDIATE|EXCLUSIVE|WORK)?\s*;?\s*$|TRUNCATE\s+TABLE\s|ATTACH\s+DATABASE\s)",
    re.IGNORECASE,
)


def is_statement(text: str) -> bool:
    """Return whether a text begins like an SQL statement; a word such as ``select`` alone is none."""
    return _STATEMENT.match(text) is not None


def told(text: str) -> str:
    """Return a statement on one line, shortened."""
    return shortened(text, _LONGEST)
