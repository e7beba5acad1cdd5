"""Small workers, one for each way to write a statement: a function on a table of its own, behind one request."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from repo_agent_dagster.contracts.migration import D1ToRpc
from tests.migration.golden.cases import HERE as GOLDEN
from tests.migration.golden.trees import contents, read_tree

Api = Literal["d1", "bun", "object"]
HERE = Path(__file__).parent
DESTINATION = "apps/shape"
SPEC = D1ToRpc(orchestrator="packages/orchestrator", entrypoint="ShapeEntrypoint", shared_objects=True)
TABLE = "CREATE TABLE {exists}things (id INTEGER PRIMARY KEY, name TEXT, n INTEGER, x REAL, b BLOB);"
_BINDINGS = {
    "d1": '"d1_databases": [{ "binding": "DB", "database_name": "shape", "migrations_dir": "migrations" }]',
    "bun": '"compatibility_flags": ["nodejs_compat"]',
    "object": '"durable_objects": { "bindings": [{ "name": "BOX", "class_name": "Box" }] }',
}


@dataclass(frozen=True)
class Shape:
    """One way to write a statement; `body` is the function's, in TypeScript."""

    api: Api
    name: str
    body: str

    @property
    def id(self) -> str:
        return f"{self.api}: {self.name}"

    def unit(self) -> dict[str, bytes]:
        """Return the worker's files, by path from the target root."""
        files = {
            "wrangler.jsonc": f'{{\n  "name": "shape",\n  "main": "src/index.ts",\n  {_BINDINGS[self.api]}\n}}\n',
            "tsconfig.json": '{\n  "extends": "../../tsconfig.base.json",\n  "include": ["src"]\n}\n',
            **{"d1": self._d1, "bun": self._bun, "object": self._object}[self.api](),
        }
        return {f"{DESTINATION}/{path}": text.encode() for path, text in files.items()}

    def _function(self, parameters: str, *, waits: bool) -> str:
        indented = "".join(f"  {line}\n" if line else "\n" for line in self.body.splitlines())
        returns = "Promise<unknown>" if waits else "unknown"
        return f"export {'async ' * waits}function shape({parameters}): {returns} {{\n{indented}}}\n"

    def _d1(self) -> dict[str, str]:
        return {
            "migrations/0001_table.sql": TABLE.format(exists="") + "\n",
            "src/env.ts": "export interface Env {\n  DB: D1Database;\n}\n",
            "src/shape.ts": "import type { Env } from './env';\n\n" + self._function("env: Env", waits=True),
            "src/index.ts": """import type { Env } from './env';
import { shape } from './shape';

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    return Response.json((await shape(env)) ?? null);
  },
};
""",
        }

    def _bun(self) -> dict[str, str]:
        return {
            "src/db.ts": f"""import {{ Database }} from 'bun:sqlite';

export const db = new Database('shape.sqlite');
db.exec('PRAGMA journal_mode = WAL');
db.exec(`{TABLE.format(exists="IF NOT EXISTS ")}`);
""",
            "src/shape.ts": "import { db } from './db';\n\n" + self._function("", waits=False),
            "src/index.ts": """import { shape } from './shape';

export default {
  fetch(request: Request): Response {
    return Response.json(shape() ?? null);
  },
};
""",
        }

    def _object(self) -> dict[str, str]:
        return {
            "src/env.ts": "import type { Box } from './box';\n\n"
            "export interface Env {\n  BOX: DurableObjectNamespace<Box>;\n}\n",
            "src/shape.ts": self._function("sql: SqlStorage, storage: DurableObjectStorage", waits=False),
            "src/box.ts": f"""import {{ DurableObject }} from 'cloudflare:workers';
import type {{ Env }} from './env';
import {{ shape }} from './shape';

export class Box extends DurableObject<Env> {{
  constructor(ctx: DurableObjectState, env: Env) {{
    super(ctx, env);
    ctx.storage.sql.exec(`{TABLE.format(exists="IF NOT EXISTS ")}`);
  }}

  override fetch(request: Request): Response {{
    return Response.json(shape(this.ctx.storage.sql, this.ctx.storage) ?? null);
  }}
}}
""",
            "src/index.ts": """import type { Env } from './env';

export { Box } from './box';

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return env.BOX.get(env.BOX.idFromName('one')).fetch(request);
  },
};
""",
        }


def all_shapes() -> list[Shape]:
    """Return every shape of every interface."""
    apis: tuple[Api, ...] = ("d1", "bun", "object")
    return [
        Shape(api, name, body)
        for api in apis
        for name, body in yaml.safe_load((HERE / "shapes" / f"{api}.yaml").read_text()).items()
    ]


def monorepo() -> dict[str, bytes]:
    """Return the part of the golden monorepo that a shape needs: the orchestrator, and what it is checked with."""
    tree = contents(read_tree(GOLDEN / "targets" / "monorepo"))
    return {
        path: content
        for path, content in tree.items()
        if path.startswith(("packages/orchestrator/", "types/")) or path == "tsconfig.base.json"
    }
