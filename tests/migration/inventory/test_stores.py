"""Where a unit keeps data, by the syntax tree and its configuration: kind, line, and what is done."""

import pytest

from tests.migration.inventory.conftest import Described, DescribedFile


def _uses(described_file: DescribedFile, text: str, path: str = "a.ts") -> list[tuple[str, int, str]]:
    return [(use.kind, use.line, use.detail) for use in described_file(path, text).storage]


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("import { Database } from 'bun:sqlite';", ("sqlite", 1, "import of bun:sqlite")),
        ("const D = require('better-sqlite3');", ("sqlite", 1, "import of better-sqlite3")),
        ("import { drizzle } from 'drizzle-orm/d1';", ("orm", 1, "import of drizzle-orm/d1")),
        ("db.prepare('SELECT a FROM t').all();", ("sql", 1, "SELECT a FROM t")),
        ("db.exec(`\n  CREATE TABLE t (a)\n`);", ("sql", 1, "CREATE TABLE t (a)")),
        ("await sql`SELECT a FROM t WHERE b = ${b}`;", ("sql", 1, "SELECT a FROM t WHERE b = ${b}")),
        ("const Q = 'DELETE FROM t';\ndb.run(Q);", ("sql", 2, "DELETE FROM t")),
        ("await env.DB.prepare('INSERT INTO t VALUES (?)').run();", ("d1", 1, "INSERT INTO t VALUES (?)")),
        ("await this.env.DB.batch([]);", ("d1", 1, "env.DB.batch")),
        ("ctx.storage.sql.exec('SELECT 1');", ("do-sqlite", 1, "SELECT 1")),
        ("const sql = ctx.storage.sql;\nsql.exec(query);", ("do-sqlite", 2, "a statement that is computed")),
        ("await this.state.storage.put('a', 1);", ("do-storage", 1, "storage.put")),
        ("export class Room extends DurableObject<Env> {}", ("durable-object", 1, "class Room")),
        ("type Env = { DB: D1Database | undefined };", ("d1", 1, "binding DB")),
        ("interface Env { ROOMS: DurableObjectNamespace<Room> }", ("durable-object", 1, "binding ROOMS")),
    ],
)
def test_a_store_is_found_with_its_line(described_file: DescribedFile, text: str, use: tuple[str, int, str]) -> None:
    assert use in _uses(described_file, text)


def test_what_only_looks_like_a_store_is_none(described_file: DescribedFile) -> None:
    text = (
        "// db.prepare('SELECT a FROM t')\n"
        "const help = \"db.exec('DROP TABLE t')\";\n"
        "map.get('select me');\n"
        "cache.get('update available');\n"
        "list.delete(1);\n"
        "env.MODE.get('x');\n"
    )
    assert _uses(described_file, text) == []


def test_bindings_are_what_types_or_configuration_say(described: Described) -> None:
    files = {
        "env.ts": "export interface Env {\n  CACHE: KVNamespace;\n  FILES?: R2Bucket;\n}\n",
        "a.ts": "env.CACHE.get('a');\nenv.FILES!.put('a', b);\nawait env.JOBS.get('x');\nawait env.X.get('x');\n",
        "wrangler.jsonc": '{\n  // bound here\n  "kv_namespaces": [{"binding": "JOBS", "id": "1"}],\n'
        '  "env": {"prod": {"d1_databases": [{"binding": "DB"}]}},\n}\n',
    }
    inventory = described(files)
    uses = {file.path: [(use.kind, use.line, use.detail) for use in file.storage] for file in inventory.files}

    assert uses["a.ts"] == [("kv", 1, "env.CACHE.get"), ("r2", 2, "env.FILES.put"), ("kv", 3, "env.JOBS.get")]
    assert uses["env.ts"] == [("kv", 2, "binding CACHE"), ("r2", 3, "binding FILES")]
    assert uses["wrangler.jsonc"] == [("kv", 3, "binding JOBS"), ("d1", 4, "binding DB")]
    assert [(one.kind, one.name, one.uses) for one in inventory.databases] == [
        ("d1", "DB", 1),
        ("kv", "CACHE", 2),
        ("kv", "JOBS", 2),
        ("r2", "FILES", 2),
    ]


def test_wrangler_toml_binds_as_well(described_file: DescribedFile) -> None:
    text = (
        '[[r2_buckets]]\nbinding = "FILES"\n\n[durable_objects]\nbindings = [{ name = "ROOM", class_name = "Room" }]\n'
    )

    assert _uses(described_file, text, "wrangler.toml") == [
        ("r2", 2, "binding FILES"),
        ("durable-object", 5, "binding ROOM"),
    ]


def test_python_and_go_statements_are_found(described_file: DescribedFile) -> None:
    python = "import sqlite3\nQ = 'SELECT a FROM t'\ndb.execute(Q)\ndb.execute(f'DELETE FROM {t}')\nd.get('select x')\n"
    go = 'package a\nimport "database/sql"\nfunc F(db *sql.DB) { db.Exec("INSERT INTO t VALUES (1)") }\n'

    assert _uses(described_file, python, "a.py") == [
        ("sqlite", 1, "import of sqlite3"),
        ("sql", 3, "SELECT a FROM t"),
        ("sql", 4, "DELETE FROM {…}"),
    ]
    assert _uses(described_file, go, "a.go") == [
        ("sql", 2, "import of database/sql"),
        ("sql", 3, "INSERT INTO t VALUES (1)"),
    ]
