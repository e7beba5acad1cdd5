// What the shims share: one in-memory SQLite, values in and out, and the dump of all tables.
import { DatabaseSync, type StatementSync } from 'node:sqlite';

export type Value = null | number | bigint | string | Uint8Array;
export type Row = Record<string, Value>;

/** How an API gives values: what its integers beyond 2^53 and its blobs become. */
export interface Reading {
  integer(value: bigint): number | bigint;
  blob(value: Uint8Array): unknown;
}

/** Opens an empty database in memory; foreign keys are checked, as D1 and Durable Objects do. */
export function openMemory(): DatabaseSync {
  return new DatabaseSync(':memory:', { enableForeignKeyConstraints: true });
}

/** Prepares a statement whose integers come as bigint, so that none is out of range. */
export function prepare(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  return statement;
}

export function read(row: Row, as: Reading): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, readValue(value, as)]));
}

export function readValue(value: Value, as: Reading): unknown {
  if (typeof value === 'bigint') {
    return as.integer(value);
  }
  return value instanceof Uint8Array ? as.blob(value) : value;
}

/** Returns the bytes of a buffer or of a view of one, or null for what is neither. */
export function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof ArrayBuffer) {
    return new Uint8Array(value.slice(0));
  }
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength) as ArrayBuffer);
  }
  return null;
}

/** Returns how many rows the statements since `before` changed. */
export function totalChanges(database: DatabaseSync): number {
  return Number((database.prepare('SELECT total_changes() AS n').get() as { n: number }).n);
}

export function lastRowId(database: DatabaseSync): number {
  return Number((database.prepare('SELECT last_insert_rowid() AS n').get() as { n: number }).n);
}

/** Returns the text cut into single statements, as SQLite itself cuts it: quotes, comments and triggers count. */
export function statementsOf(sql: string): string[] {
  const found: string[] = [];
  let start = 0;
  for (let end = 0; end < sql.length; end++) {
    const skipped = skip(sql, end);
    if (skipped !== end) {
      end = skipped - 1;
    } else if (sql[end] === ';' && !openTrigger(sql.slice(start, end))) {
      found.push(sql.slice(start, end));
      start = end + 1;
    }
  }
  found.push(sql.slice(start));
  return found.map((text) => text.trim()).filter((text) => text.replace(/--.*$|\/\*[\s\S]*?\*\//gm, '').trim() !== '');
}

function skip(sql: string, at: number): number {
  const close = { "'": "'", '"': '"', '`': '`', '[': ']' }[sql[at] ?? ''];
  if (close !== undefined) {
    const end = sql.indexOf(close, at + 1);
    return end < 0 ? sql.length : end + 1;
  }
  for (const [open, shut] of [['--', '\n'], ['/*', '*/']] as const) {
    if (sql.startsWith(open, at)) {
      const end = sql.indexOf(shut, at + 2);
      return end < 0 ? sql.length : end + shut.length;
    }
  }
  return at;
}

function openTrigger(sql: string): boolean {
  return /^\s*CREATE\s+(?:TEMP\w*\s+)?TRIGGER\b/i.test(sql) && !/\bEND\s*$/i.test(sql);
}

/** Returns every table with its rows, sorted, so that two databases compare by content alone. */
export function dump(database: DatabaseSync): Record<string, Row[]> {
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    .all() as { name: string }[];
  return Object.fromEntries(
    tables.map(({ name }) => [name, prepare(database, `SELECT * FROM "${name}" ORDER BY 1, 2`).all() as Row[]]),
  );
}
