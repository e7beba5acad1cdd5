"""The peer that keeps each event as one JSON document and takes the fields out when it is asked.

Its queries follow the same rules as ours: a patch counts where its first event lies, with its last verdict. The fields
are taken out of the documents of all events once, and of the first events again for what a group needs.
"""

import sqlite3
from pathlib import Path
from typing import Any

import psycopg

from benchmarks._patch_questions import GROUPS, STEPS, TOP, Answer, Period, Taken, counted

_NAMES = {
    "patchId": "patch_id",
    "batchId": "batch_id",
    "taskId": "task_id",
    "orderId": "order_id",
    "phase": "phase",
    "requester": "requester",
    "workspace": "workspace",
    "filePath": "file_path",
    "op": "op",
    "event": "event",
    "tsCheckOk": "ts_check_ok",
    "error": "error",
    "diffPath": "diff_path",
}
_GROUP_FIELDS = {"factory": "requester", "operation": "op", "phase": "phase", "order": "orderId"}


class SqliteDocuments:
    """Documents as text, read with json_extract; they lie in a file of their own."""

    name = "JSON at read time, SQLite"

    def __init__(self, store: Path, folder: Path) -> None:
        self.connection = sqlite3.connect(folder / "documents.db", isolation_level=None)
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.execute("ATTACH ? AS store", (str(store),))
        pairs = ", ".join(f"'{key}', {column}" for key, column in _NAMES.items() if key != "tsCheckOk")
        checked = "json(CASE ts_check_ok WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)"
        self.connection.execute("CREATE TABLE documents (id INTEGER PRIMARY KEY, doc TEXT NOT NULL)")
        self.connection.execute(
            f"INSERT INTO documents SELECT id, json_object({pairs}, 'tsCheckOk', {checked}, 'createdAt', "
            "replace(created_at, ' ', 'T') || 'Z', 'meta', json(meta)) FROM store.patch_events ORDER BY id"
        )
        self.connection.execute("DETACH store")

    def field(self, key: str) -> str:
        """SQL that takes a field out of a document."""
        return f"json_extract(doc, '$.{key}')"

    checked = "json_extract(doc, '$.tsCheckOk')"
    day = "substr(opened_at, 1, 10)"
    week = (
        "strftime('%Y', opened_at, '-3 days', 'weekday 4') || '-W' || "
        "printf('%02d', (strftime('%j', opened_at, '-3 days', 'weekday 4') - 1) / 7 + 1)"
    )

    def seconds(self, start: str, end: str) -> str:
        """SQL of the seconds between two instants."""
        return f"(julianday({end}) - julianday({start})) * 86400.0"

    def rows(self, sql: str, period: Period) -> list[tuple[Any, ...]]:
        """Run a query of the period."""
        return self.connection.execute(sql, [_text(one) for one in period]).fetchall()

    def close(self) -> None:
        """Close the file; its folder is the caller's to remove."""
        self.connection.close()


class PostgresqlDocuments:
    """Documents as JSONB, read with ->>."""

    name = "JSON at read time, PostgreSQL"

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        pairs = ", ".join(f"'{key}', {column}" for key, column in _NAMES.items())
        written = """to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
        self.connection.execute("DROP TABLE IF EXISTS documents")
        self.connection.execute(
            f"CREATE TABLE documents AS SELECT id, jsonb_build_object({pairs}, 'createdAt', {written}, 'meta', meta) "
            "AS doc FROM patch_events ORDER BY id"
        )
        self.connection.execute("ALTER TABLE documents ADD PRIMARY KEY (id)")
        self.connection.execute("VACUUM ANALYZE documents")

    def field(self, key: str) -> str:
        """SQL that takes a field out of a document."""
        return f"doc ->> '{key}'"

    checked = "CAST(CAST(doc ->> 'tsCheckOk' AS boolean) AS integer)"
    day = "substr(opened_at, 1, 10)"
    week = """to_char(CAST(opened_at AS timestamptz) AT TIME ZONE 'UTC', 'IYYY-"W"IW')"""

    def seconds(self, start: str, end: str) -> str:
        """SQL of the seconds between two instants."""
        return f"CAST(extract(epoch FROM CAST({end} AS timestamptz) - CAST({start} AS timestamptz)) AS float)"

    def rows(self, sql: str, period: Period) -> list[tuple[Any, ...]]:
        """Run a query of the period."""
        query = sql.replace("%", "%%").replace("?", "%s")
        return self.connection.execute(query.encode(), [_text(one) for one in period]).fetchall()

    def close(self) -> None:
        """Remove the documents."""
        self.connection.execute("DROP TABLE documents")
        self.connection.close()


Documents = SqliteDocuments | PostgresqlDocuments


def ask(documents: Documents, question: str, period: Period, answer: Answer) -> None:
    """Answer one question."""
    if question in GROUPS:
        answer.groups[question] = counted(documents.rows(_group_query(documents, question), period))
    elif question == "errors":
        answer.errors = [(text, n) for text, n in documents.rows(_errors_query(documents), period)]
    else:
        answer.latency = {row[0]: Taken(*row[1:]) for row in documents.rows(_latency_query(documents), period)}


def _patches(documents: Documents, *, opening: str, life: str) -> str:
    """Patches begun in the period: `opening` is taken out of the first event, `life` is summed up from all events."""
    field = documents.field
    return f"""
        WITH step AS (
            SELECT id, {field("patchId")} AS patch_id, {field("event")} AS event, {documents.checked} AS check_ok,
                {field("error")} AS error, {field("createdAt")} AS at
            FROM documents
        ), life AS (
            SELECT patch_id, min(id) AS first_id{life} FROM step GROUP BY patch_id
        ), patch AS (
            SELECT {opening}, {field("createdAt")} AS opened_at, life.*
            FROM life JOIN documents ON documents.id = life.first_id
            WHERE {field("createdAt")} >= ? AND {field("createdAt")} < ? AND {field("op")} <> 'revert'
        )"""


def _group_query(documents: Documents, group: str) -> str:
    named = _GROUP_FIELDS.get(group)
    key = {"day": documents.day, "week": documents.week}.get(group, "named")
    patches = _patches(
        documents,
        opening=f"{documents.field(named) if named else 'NULL'} AS named",
        life=""",
                max(CASE WHEN check_ok IS NOT NULL THEN 2 * id + check_ok END) % 2 AS verdict,
                max(CASE WHEN event = 'patch_reverted' THEN 1 ELSE 0 END) AS is_reverted,
                max(CASE WHEN event = 'patch_failed' THEN 1 ELSE 0 END) AS has_failure""",
    )
    return f"""{patches}
        SELECT {key}, count(*),
            sum(CASE WHEN verdict = 1 THEN 1 ELSE 0 END), sum(CASE WHEN verdict = 0 THEN 1 ELSE 0 END),
            sum(CASE WHEN verdict IS NULL THEN 1 ELSE 0 END), sum(is_reverted),
            sum(CASE WHEN verdict IS NULL THEN has_failure ELSE 0 END), min(opened_at), max(opened_at)
        FROM patch GROUP BY 1"""


def _errors_query(documents: Documents) -> str:
    patches = _patches(
        documents, opening="NULL AS named", life=", max(CASE WHEN error IS NOT NULL THEN id END) AS error_id"
    )
    return f"""{patches}
        SELECT {documents.field("error")}, count(*) FROM patch JOIN documents ON documents.id = patch.error_id
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TOP}"""


def _latency_query(documents: Documents) -> str:
    times = "".join(
        f", min(CASE WHEN event = 'patch_{name}' THEN at END) AS {name}_at"
        for name in ("requested", "applied", "validated")
    )
    took = " UNION ALL ".join(
        f"SELECT '{step}' AS step, {documents.seconds(start, end)} AS seconds FROM patch "
        f"WHERE {start} IS NOT NULL AND {end} IS NOT NULL"
        for step, (start, end) in STEPS.items()
    )
    return f"""{_patches(documents, opening="NULL AS named", life=times)},
        took AS ({took}),
        ranked AS (
            SELECT step, seconds, row_number() OVER (PARTITION BY step ORDER BY seconds) AS place,
                count(*) OVER (PARTITION BY step) AS patches
            FROM took
        )
        SELECT step, count(*), avg(seconds), min(CASE WHEN place >= 0.95 * patches THEN seconds END)
        FROM ranked GROUP BY step"""


def _text(instant: Any) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}Z"
