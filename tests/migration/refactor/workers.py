"""Small units in memory, refactored, for tests that look at the text of what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import dedent

from repo_agent_dagster.contracts.migration import D1ToRpc
from repo_agent_dagster.migration.refactor import Refactoring, refactor_d1_to_rpc

DESTINATION = "apps/shop"
ORCHESTRATOR = "packages/orchestrator"
SPEC = D1ToRpc(orchestrator=ORCHESTRATOR, shared_objects=True)
TABLES = """
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer TEXT NOT NULL,
  total REAL,
  created_at TEXT NOT NULL
);
CREATE TABLE items (order_id INTEGER NOT NULL REFERENCES orders (id), sku TEXT NOT NULL, qty INTEGER NOT NULL);
"""
INDEX = "export default {};\n"


@dataclass(frozen=True)
class Refactored:
    """A unit before and after; paths are relative to the unit and to the orchestrator."""

    before: Mapping[str, str]
    result: Refactoring
    target: Mapping[str, bytes]

    def text(self, path: str) -> str:
        """Return a file of the unit as it is after the refactoring."""
        found = self.result.worker.get(f"{DESTINATION}/{path}", self.before.get(path, "").encode())
        assert found is not None, f"{path} went away"
        return found.decode()

    def made(self, path: str) -> str:
        """Return a file of the orchestrator that was made or changed."""
        return self.result.orchestrator[f"{ORCHESTRATOR}/{path}"].decode()

    @property
    def entrypoint(self) -> str:
        """The generated class."""
        return self.made("src/rpc/shop.ts")

    @property
    def methods(self) -> list[str]:
        """The signatures of the methods."""
        return [method.signature for method in self.result.methods]

    @property
    def reasons(self) -> list[str]:
        """``file:line reason`` of each manual work."""
        return [
            f"{work.site.file.removeprefix(f'{DESTINATION}/')}:{work.site.line} {work.reason}"
            for work in self.result.manual
        ]

    @property
    def tree(self) -> dict[str, bytes]:
        """All files after the refactoring, from the target root."""
        tree = dict(self.target) | {f"{DESTINATION}/{path}": text.encode() for path, text in self.before.items()}
        for path, content in {**self.result.orchestrator, **self.result.worker}.items():
            if content is None:
                del tree[path]
            else:
                tree[path] = content
        return tree


def refactor(
    files: Mapping[str, str], *, orchestrator: Mapping[str, str] | None = None, spec: D1ToRpc = SPEC
) -> Refactored:
    """Refactor a unit of these files."""
    theirs = {"src/index.ts": INDEX} if orchestrator is None else orchestrator
    target = {f"{ORCHESTRATOR}/{path}": text.encode() for path, text in theirs.items()}
    unit = {f"{DESTINATION}/{path}": text.encode() for path, text in files.items()}
    result = refactor_d1_to_rpc(unit, target, unit="shop", destination=DESTINATION, spec=spec)
    return Refactored(files, result, target)


def code(text: str) -> str:
    """Return a snippet without its indentation."""
    return dedent(text).strip("\n") + "\n"


def bun(body: str, *, parameters: str = "", returns: str = "unknown") -> dict[str, str]:
    """Return a unit with one exported function over a bun:sqlite database that is opened in another module."""
    inside = "".join(f"  {line}\n" if line else "\n" for line in code(body).splitlines())
    return {
        "src/db.ts": "import { Database } from 'bun:sqlite';\n\nexport const db = new Database('shop.sqlite');\n"
        f"db.exec(`{TABLES}`);\n",
        "src/work.ts": "import { db } from './db';\n\n"
        f"export function work({parameters}): {returns} {{\n{inside}}}\n",
    }


def d1(body: str, *, parameters: str = "env: Env", returns: str = "Promise<unknown>") -> dict[str, str]:
    """Return a unit with one exported asynchronous function over a D1 binding."""
    inside = "".join(f"  {line}\n" if line else "\n" for line in code(body).splitlines())
    return {
        "migrations/0001_init.sql": TABLES,
        "src/env.ts": "export interface Env {\n  DB: D1Database;\n}\n",
        "src/work.ts": "import type { Env } from './env';\n\n"
        f"export async function work({parameters}): {returns} {{\n{inside}}}\n",
    }


def body_of(refactored: Refactored) -> str:
    """Return the body of the one function, without its indentation."""
    text = refactored.text("src/work.ts")
    start = text.index("{\n", text.index("function work")) + 2
    return dedent(text[start : text.rindex("}")])
