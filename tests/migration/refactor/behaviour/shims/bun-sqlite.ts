// `bun:sqlite` over node's own SQLite: the part of its API that workers use, with its result shapes.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  bytesOf, lastRowId, openMemory, prepare, read, readValue, statementsOf, totalChanges, type Reading, type Row, type Value,
} from './sqlite.ts';

/** Bun gives numbers, losing precision beyond 2^53, unless `safeIntegers` is set; blobs are Uint8Array. */
const AS_NUMBERS: Reading = { integer: Number, blob: (value) => value };
const AS_BIGINTS: Reading = { integer: (value) => value, blob: (value) => value };

/** Every database that was opened, by its file name, for the harness to dump. */
export const opened = new Map<string, DatabaseSync>();

let allowed = true;

/** Says whether a worker may open a database of its own: not after the refactoring. */
export function allow(yes: boolean): void {
  allowed = yes;
}

export class SQLiteError extends Error {
  override name = 'SQLiteError';
  constructor(message: string, readonly code: string | undefined, readonly errno: number | undefined) {
    super(message);
  }
}

interface Changes {
  lastInsertRowid: number | bigint;
  changes: number;
}

export class Database {
  #database: DatabaseSync;
  #reading: Reading;
  #depth = 0;

  constructor(readonly filename = ':memory:', options: { safeIntegers?: boolean } = {}) {
    if (!allowed) {
      throw new Error('after the refactoring no worker may open a bun:sqlite database');
    }
    // Bun does not check foreign keys unless a PRAGMA asks for it.
    this.#database = opened.get(filename) ?? openMemory();
    if (!opened.has(filename)) {
      this.#database.exec('PRAGMA foreign_keys = OFF');
      opened.set(filename, this.#database);
    }
    this.#reading = options.safeIntegers ? AS_BIGINTS : AS_NUMBERS;
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  query(sql: string): Statement {
    return this.prepare(sql);
  }

  prepare(sql: string): Statement {
    return new Statement(this.#database, sql, this.#reading);
  }

  run(sql: string, ...bindings: unknown[]): Changes {
    const parts = statementsOf(sql);
    if (parts.length > 1 && bindings.length === 0) {
      for (const part of parts.slice(0, -1)) {
        this.prepare(part).run();
      }
    }
    return this.prepare(bindings.length === 0 ? (parts.at(-1) ?? sql) : sql).run(...bindings);
  }

  exec(sql: string, ...bindings: unknown[]): Changes {
    return this.run(sql, ...bindings);
  }

  /** Returns a function that runs in a transaction: nested ones are savepoints, what throws is undone. */
  transaction<A extends unknown[], R>(body: (...args: A) => R) {
    const run = (begin: string) => (...args: A): R => {
      const nested = this.#database.isTransaction;
      const name = `level_${this.#depth++}`;
      this.#database.exec(nested ? `SAVEPOINT ${name}` : begin);
      try {
        const result = body(...args);
        this.#database.exec(nested ? `RELEASE ${name}` : 'COMMIT');
        return result;
      } catch (error) {
        if (this.#database.isTransaction) {
          this.#database.exec(nested ? `ROLLBACK TO ${name}; RELEASE ${name}` : 'ROLLBACK');
        }
        throw error;
      } finally {
        this.#depth--;
      }
    };
    return Object.assign(run('BEGIN'), {
      deferred: run('BEGIN DEFERRED'), immediate: run('BEGIN IMMEDIATE'), exclusive: run('BEGIN EXCLUSIVE'),
    });
  }

  close(): void {}
}

export default Database;

export class Statement {
  #statement: StatementSync;
  #as: ((new () => object) & { prototype: object }) | null = null;

  constructor(private readonly database: DatabaseSync, private readonly sql: string, private readonly reading: Reading) {
    this.#statement = told(() => prepare(database, sql));
  }

  get columnNames(): string[] {
    return this.#statement.columns().map((column) => column.name ?? '');
  }

  get(...bindings: unknown[]): unknown {
    const row = told(() => this.#statement.get(...bound(bindings))) as Row | undefined;
    return row === undefined ? null : this.#row(row);
  }

  all(...bindings: unknown[]): unknown[] {
    return (told(() => this.#statement.all(...bound(bindings))) as Row[]).map((row) => this.#row(row));
  }

  *iterate(...bindings: unknown[]): Iterable<unknown> {
    yield* this.all(...bindings);
  }

  [Symbol.iterator](): Iterator<unknown> {
    return this.iterate()[Symbol.iterator]();
  }

  values(...bindings: unknown[]): unknown[][] {
    this.#statement.setReturnArrays(true);
    try {
      const rows = told(() => this.#statement.all(...bound(bindings))) as unknown as Value[][];
      return rows.map((row) => row.map((value) => readValue(value, this.reading)));
    } finally {
      this.#statement.setReturnArrays(false);
    }
  }

  run(...bindings: unknown[]): Changes {
    const before = totalChanges(this.database);
    told(() => this.#statement.all(...bound(bindings)));
    return { lastInsertRowid: lastRowId(this.database), changes: totalChanges(this.database) - before };
  }

  as(type: (new () => object) & { prototype: object }): this {
    this.#as = type;
    return this;
  }

  finalize(): void {}

  toString(): string {
    return this.sql;
  }

  #row(row: Row): unknown {
    const plain = read(row, this.reading);
    return this.#as === null ? plain : Object.assign(Object.create(this.#as.prototype), plain);
  }
}

/** Bun takes values one by one, or as one array, or as one object for named parameters. */
function bound(bindings: unknown[]): Parameters<StatementSync['all']> {
  const given = bindings.length === 1 && Array.isArray(bindings[0]) ? bindings[0] : bindings;
  return given.map((value: unknown) => {
    const isNamed = typeof value === 'object' && value !== null && bytesOf(value) === null;
    return isNamed
      ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, boundValue(each)]))
      : boundValue(value);
  }) as Parameters<StatementSync['all']>;
}

function boundValue(value: unknown): Value {
  if (typeof value === 'boolean') {
    return BigInt(value);
  }
  if (typeof value === 'number') {
    return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? BigInt(value) : value;
  }
  if (value === undefined || value === null) {
    return null;
  }
  return bytesOf(value) ?? (value as Value);
}

function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { message, code, errcode } = error as Error & { code?: string; errcode?: number };
    throw code === 'ERR_SQLITE_ERROR' ? new SQLiteError(message, code, errcode) : error;
  }
}
