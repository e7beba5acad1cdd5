// A D1 binding over node's own SQLite: what `env.DB` is in a worker, with its result shapes and its errors.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  bytesOf, lastRowId, openMemory, prepare, read, readValue, statementsOf, totalChanges, type Reading, type Row, type Value,
} from './sqlite.ts';

/** D1 answers in JSON: every integer is a number, and a blob is an array of numbers. */
const AS_JSON: Reading = { integer: Number, blob: (value) => Array.from(value) };

interface Result {
  success: true;
  meta: Record<string, unknown>;
  results: Record<string, unknown>[];
}

export class D1Shim {
  readonly database: DatabaseSync = openMemory();

  prepare(sql: string): D1StatementShim {
    return new D1StatementShim(this, String(sql));
  }

  /** Runs the statements in one transaction: the first that fails undoes those before it. */
  async batch(statements: D1StatementShim[]): Promise<Result[]> {
    await nextTurn();
    this.database.exec('BEGIN');
    try {
      const results = statements.map((statement) => statement.result());
      this.database.exec('COMMIT');
      return results;
    } catch (error) {
      this.database.exec('ROLLBACK');
      throw error;
    }
  }

  async exec(sql: string): Promise<{ count: number; duration: number }> {
    await nextTurn();
    const lines = statementsOf(sql);
    for (const line of lines) {
      told(() => this.database.exec(line));
    }
    return { count: lines.length, duration: 0 };
  }

  withSession(): this {
    return this;
  }
}

export class D1StatementShim {
  #values: Value[] = [];

  constructor(private readonly owner: D1Shim, private readonly sql: string) {}

  bind(...values: unknown[]): D1StatementShim {
    const statement = new D1StatementShim(this.owner, this.sql);
    statement.#values = values.map(boundValue);
    return statement;
  }

  async run(): Promise<Result> {
    await nextTurn();
    return this.result();
  }

  async all(): Promise<Result> {
    return this.run();
  }

  async first(column?: string): Promise<unknown> {
    const row = (await this.run()).results[0];
    if (row === undefined) {
      return null;
    }
    if (column === undefined) {
      return row;
    }
    if (!(column in row)) {
      throw new Error(`D1_COLUMN_NOTFOUND: Column not found (${column})`);
    }
    return row[column];
  }

  async raw(options: { columnNames?: boolean } = {}): Promise<unknown[][]> {
    await nextTurn();
    const statement = this.#prepared();
    statement.setReturnArrays(true);
    const rows = told(() => statement.all(...this.#values)) as unknown as Value[][];
    const values = rows.map((row) => row.map((value) => readValue(value, AS_JSON)));
    return options.columnNames ? [statement.columns().map((column) => column.name), ...values] : values;
  }

  result(): Result {
    const { database } = this.owner;
    const before = totalChanges(database);
    const statement = this.#prepared();
    const rows = told(() => statement.all(...this.#values)) as Row[];
    const changes = totalChanges(database) - before;
    return {
      success: true,
      meta: {
        duration: 0, size_after: 0, rows_read: rows.length, rows_written: changes, last_row_id: lastRowId(database),
        changed_db: changes > 0, changes,
      },
      results: rows.map((row) => read(row, AS_JSON)),
    };
  }

  #prepared(): StatementSync {
    const statement = told(() => prepare(this.owner.database, this.sql));
    const wanted = parameterCount(this.sql);
    if (wanted !== null && wanted !== this.#values.length) {
      throw new Error(`D1_ERROR: Wrong number of parameter bindings for SQL query. (${this.#values.length} for ${wanted})`);
    }
    return statement;
  }
}

/** Returns how many values a statement takes, where `?` or `?1` says so; quoted text and comments do not count. */
function parameterCount(sql: string): number | null {
  const bare = sql.replace(/'(?:[^']|'')*'|"[^"]*"|`[^`]*`|--.*$|\/\*[\s\S]*?\*\//gm, '');
  let count = 0;
  for (const [, number] of bare.matchAll(/\?(\d*)/g)) {
    count = number === '' ? count + 1 : Math.max(count, Number(number));
  }
  return /[:@$]\w/.test(bare) ? null : count;
}

function boundValue(value: unknown): Value {
  if (value === null || typeof value === 'number' || typeof value === 'string') {
    return value;
  }
  if (typeof value === 'boolean') {
    return value ? 1 : 0;
  }
  const bytes = Array.isArray(value) && value.every((each) => typeof each === 'number') ? Uint8Array.from(value) : bytesOf(value);
  if (bytes === null) {
    throw new Error(`D1_TYPE_ERROR: Type '${typeof value}' not supported for value '${String(value)}'`);
  }
  return bytes;
}

function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { message, errcode } = error as Error & { errcode?: number };
    const primary = (errcode ?? 1) & 0xff;
    throw new Error(`D1_ERROR: ${message}: ${{ 19: 'SQLITE_CONSTRAINT' }[primary] ?? 'SQLITE_ERROR'}`, { cause: error });
  }
}

/** A real D1 answers later, never at once: what forgets to wait must not pass. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
