"""What comes out type-checks under `tsc --strict`, also where a store of fifteen methods holds the database."""

from collections.abc import Iterator

import pytest

from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from tests.migration.refactor.workers import DESTINATION, ORCHESTRATOR, Refactored, code, refactor

pytestmark = pytest.mark.docker
AMBIENT = code(
    """
    interface D1Meta { duration: number; changes: number; last_row_id: number; rows_written: number }
    interface D1Result<T = unknown> { success: true; meta: D1Meta; results: T[] }
    interface D1PreparedStatement {
      bind(...values: unknown[]): D1PreparedStatement;
      first<T = unknown>(column: string): Promise<T | null>;
      first<T = Record<string, unknown>>(): Promise<T | null>;
      run<T = Record<string, unknown>>(): Promise<D1Result<T>>;
      all<T = Record<string, unknown>>(): Promise<D1Result<T>>;
      raw<T = unknown[]>(): Promise<T[]>;
    }
    interface D1Database {
      prepare(sql: string): D1PreparedStatement;
      batch<T = unknown>(statements: D1PreparedStatement[]): Promise<D1Result<T>[]>;
    }
    declare namespace Cloudflare { interface Env {} }
    declare module 'cloudflare:workers' {
      export abstract class WorkerEntrypoint<Env = unknown> {
        protected readonly env: Env;
      }
      export const env: Cloudflare.Env;
    }
    declare module 'node:sqlite' {
      type Value = null | number | bigint | string | Uint8Array;
      export class StatementSync {
        all(...values: Value[]): Record<string, Value>[];
        get(...values: Value[]): Record<string, Value> | undefined;
        run(...values: Value[]): { changes: number | bigint; lastInsertRowid: number | bigint };
      }
      export class DatabaseSync {
        constructor(path: string);
        exec(sql: string): void;
        prepare(sql: string): StatementSync;
        close(): void;
      }
    }
    """
)
STORE = """
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { NewTask, Task } from './types';

const COLUMNS = 'id, title, done, owner, due_at AS dueAt';

/** The tasks, kept in SQLite. */
export class TaskStore {
  private readonly touch: StatementSync;

  constructor(private readonly database: DatabaseSync) {
    database.exec(`CREATE TABLE IF NOT EXISTS tasks (
      id INTEGER PRIMARY KEY, title TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0, owner TEXT, due_at TEXT, photo BLOB
    )`);
    this.touch = database.prepare("UPDATE tasks SET due_at = ? WHERE id = ?");
  }

  static open(path: string): TaskStore {
    return new TaskStore(new DatabaseSync(path));
  }

  add(task: NewTask): Task {
    const { lastInsertRowid } = this.database
      .prepare('INSERT INTO tasks (title, owner, due_at) VALUES (?, ?, ?)')
      .run(task.title, task.owner ?? null, task.dueAt);
    return this.get(Number(lastInsertRowid))!;
  }

  get(id: number): Task | undefined {
    return this.database.prepare(`SELECT ${COLUMNS} FROM tasks WHERE id = ?`).get(id) as unknown as Task | undefined;
  }

  require(id: number): Task {
    const task = this.get(id);
    if (task === undefined) {
      throw new Error(`no task ${id}`);
    }
    return task;
  }

  all(): Task[] {
    return this.database.prepare(`SELECT ${COLUMNS} FROM tasks ORDER BY id`).all() as unknown as Task[];
  }

  of(owner: string | null): Task[] {
    const rows = this.database.prepare(`SELECT ${COLUMNS} FROM tasks WHERE owner IS ?`).all(owner);
    return rows.map((row) => row as unknown as Task);
  }

  titles(): string[] {
    return this.all().map((task) => task.title.toUpperCase());
  }

  count(): number {
    return Number(this.database.prepare('SELECT COUNT(*) AS n FROM tasks').get()?.n ?? 0);
  }

  isEmpty(): boolean {
    return this.count() === 0;
  }

  finish(id: number): boolean {
    return this.database.prepare('UPDATE tasks SET done = 1 WHERE id = ?').run(id).changes === 1;
  }

  rename(id: number, title: string): void {
    this.database.prepare('UPDATE tasks SET title = :title WHERE id = :id').run({ id, title } as never);
  }

  postpone(id: number, to: string): void {
    this.touch.run(to, id);
  }

  remove(ids: number[]): number {
    let removed = 0;
    ids.forEach((id) => {
      removed += Number(this.database.prepare('DELETE FROM tasks WHERE id = ?').run(id).changes);
    });
    return removed;
  }

  search(text: string): Task[] {
    const find = this.database.prepare(`SELECT ${COLUMNS} FROM tasks WHERE title LIKE ?`);
    return find.all(`%${text}%`) as unknown as Task[];
  }

  photo(id: number): Uint8Array | null {
    const find = this.database.prepare('SELECT photo FROM tasks WHERE id = ?');
    const row = find.get(id) as { photo: Uint8Array } | undefined;
    return row?.photo ?? null;
  }

  close(): void {
    this.database.close();
  }
}
"""
UNIT = {
    "tsconfig.json": '{"compilerOptions": {"strict": true, "noEmit": true, "target": "ES2022", "module": "ESNext",'
    ' "moduleResolution": "bundler", "skipLibCheck": true, "types": []}, "include": ["src", "../../types"]}\n',
    "src/types.ts": "export interface Task {\n  id: number; title: string; done: number; owner: string | null; "
    "dueAt: string | null }\n"
    "export type NewTask = { title: string; owner?: string; dueAt: string | null };\n",
    "src/store.ts": STORE.lstrip(),
    "src/app.ts": code(
        """
        import { TaskStore } from './store';
        import type { NewTask } from './types';

        type Reply = { status: number; body: unknown };
        const store = TaskStore.open('tasks.sqlite');
        const routes: Record<string, (body: NewTask) => Reply> = {
          add: (body) => ({ status: 201, body: store.add(body) }),
          list: () => ({ status: 200, body: store.isEmpty() ? [] : store.titles() }),
        };

        export function handle(name: string, body: NewTask): Reply {
          const route = routes[name];
          return route === undefined ? { status: 404, body: null } : route(body);
        }
        """
    ),
}


@pytest.fixture(scope="module")
def box(sandbox_image: str) -> Iterator[Sandbox]:
    spec = SandboxSpec(task_id="test-refactor", image=sandbox_image, network="none", deadline_seconds=200)
    with Sandbox.open(spec) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def refactored() -> Refactored:
    files = {**UNIT, "src/store.ts": UNIT["src/store.ts"].replace("run({ id, title } as never)", "run({ id, title })")}
    return refactor(files)


def test_a_store_with_fifteen_methods_moves_whole(refactored: Refactored) -> None:
    store = refactored.text("src/store.ts")

    assert refactored.reasons == []
    assert "sqlite" not in store.lower().replace("kept in sqlite", "")
    assert "constructor(private readonly database: ShopRpc) {}" in store.replace("{\n  }", "{}")
    assert store.count("  async ") == 14
    assert "add: async (body) => ({ status: 201, body: await store.add(body) })" in refactored.text("src/app.ts")
    assert "const routes: Record<string, (body: NewTask) => Promise<Reply>> = {" in refactored.text("src/app.ts")


def test_the_worker_and_the_orchestrator_type_check(box: Sandbox, refactored: Refactored) -> None:
    project = UNIT["tsconfig.json"].encode()
    tree = {**refactored.tree, f"{ORCHESTRATOR}/tsconfig.json": project, "types/ambient.d.ts": AMBIENT.encode()}
    box.put(tree, "/workspace/tree")

    told = box.exec(f"tsc --pretty false -p {DESTINATION}; tsc --pretty false -p {ORCHESTRATOR}", cwd="/workspace/tree")

    assert told.output.strip() == ""
