// Durable Objects over node's own SQLite: a namespace, one object a name, and `ctx.storage.sql` in each.
import type { DatabaseSync } from 'node:sqlite';
import { bytesOf, openMemory, prepare, read, readValue, statementsOf, totalChanges, type Reading, type Row, type Value } from './sqlite.ts';

/** The storage gives numbers, and ArrayBuffers for blobs. */
const AS_STORED: Reading = { integer: Number, blob: (value) => bytesOf(value)?.buffer };

export class SqlCursorShim {
  #position = 0;

  constructor(
    readonly columnNames: string[],
    private readonly rows: Row[],
    private readonly arrays: Value[][],
    readonly rowsWritten: number,
  ) {}

  get rowsRead(): number {
    return this.rows.length;
  }

  next(): { done: boolean; value?: unknown } {
    const row = this.rows[this.#position];
    if (row === undefined) {
      return { done: true };
    }
    this.#position++;
    return { done: false, value: read(row, AS_STORED) };
  }

  toArray(): unknown[] {
    return [...this];
  }

  one(): unknown {
    const rows = this.toArray();
    if (rows.length !== 1) {
      throw new Error(`Expected exactly one result from SQL query, but got ${rows.length === 0 ? 'no results' : 'multiple results'}.`);
    }
    return rows[0];
  }

  raw(): IterableIterator<unknown[]> & { toArray(): unknown[][] } {
    const rows = this.arrays.map((row) => row.map((value) => readValue(value, AS_STORED)));
    return Object.assign(rows.values(), { toArray: () => rows }) as IterableIterator<unknown[]> & { toArray(): unknown[][] };
  }

  *[Symbol.iterator](): Iterator<unknown> {
    for (let step = this.next(); !step.done; step = this.next()) {
      yield step.value;
    }
  }
}

class SqlStorageShim {
  constructor(private readonly database: DatabaseSync) {}

  get databaseSize(): number {
    return 4096;
  }

  /** Runs all statements of the text; the values go to the last, whose rows are returned. */
  exec(sql: string, ...values: unknown[]): SqlCursorShim {
    const parts = statementsOf(sql);
    const last = parts.pop();
    if (last === undefined) {
      throw new Error('SQL code did not contain a statement.');
    }
    if (/^\s*(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT)\b/i.test(sql)) {
      throw new Error('To execute a transaction, please use the state.storage.transaction() APIs instead.');
    }
    for (const part of parts) {
      told(() => this.database.exec(part));
    }
    const before = totalChanges(this.database);
    const statement = told(() => prepare(this.database, last));
    const columns = statement.columns().map((column) => column.name ?? '');
    statement.setReturnArrays(true);
    const arrays = told(() => statement.all(...values.map(boundValue))) as unknown as Value[][];
    const rows = arrays.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null])));
    return new SqlCursorShim(columns, rows, arrays, totalChanges(this.database) - before);
  }
}

export class StorageShim {
  readonly database: DatabaseSync = openMemory();
  readonly #sql = new SqlStorageShim(this.database);
  #depth = 0;

  constructor(private readonly hasSql: boolean) {}

  get sql(): SqlStorageShim {
    if (!this.hasSql) {
      throw new Error('after the refactoring no object may touch ctx.storage.sql');
    }
    return this.#sql;
  }

  transactionSync<T>(body: () => T): T {
    if (!this.hasSql) {
      throw new Error('after the refactoring no object may use ctx.storage.transactionSync');
    }
    const name = `level_${this.#depth++}`;
    this.database.exec(`SAVEPOINT ${name}`);
    try {
      const result = body();
      this.database.exec(`RELEASE ${name}`);
      return result;
    } catch (error) {
      this.database.exec(`ROLLBACK TO ${name}; RELEASE ${name}`);
      throw error;
    } finally {
      this.#depth--;
    }
  }
}

interface Context {
  id: { name: string; toString(): string };
  storage: StorageShim;
  blockConcurrencyWhile<T>(body: () => Promise<T>): Promise<T>;
  waitUntil(promise: Promise<unknown>): void;
}

type ObjectClass = new (ctx: Context, env: unknown) => { fetch(request: Request): Promise<Response> | Response };

/** `env.ROOM`: makes each object once; an object takes its first call when its constructor's blocked work is done. */
export class NamespaceShim {
  readonly objects = new Map<string, { storage: StorageShim; ready: Promise<unknown>; object: InstanceType<ObjectClass> }>();

  constructor(private readonly type: ObjectClass, private readonly env: unknown, private readonly hasSql: boolean) {}

  idFromName(name: string): { name: string; toString(): string } {
    return { name, toString: () => `id-of-${name}` };
  }

  getByName(name: string): object {
    return this.get(this.idFromName(name));
  }

  get(id: { name: string; toString(): string }): object {
    const held = this.objects.get(id.name) ?? this.#make(id);
    return new Proxy(held.object, {
      get: (object, name) =>
        name === 'then'
          ? undefined
          : async (...args: unknown[]) => {
              await held.ready;
              const method = (object as unknown as Record<PropertyKey, unknown>)[name];
              if (typeof method !== 'function') {
                throw new TypeError(`The RPC receiver does not implement the method "${String(name)}".`);
              }
              return method.apply(object, args);
            },
    });
  }

  #make(id: { name: string; toString(): string }) {
    const storage = new StorageShim(this.hasSql);
    let ready: Promise<unknown> = Promise.resolve();
    const context: Context = {
      id,
      storage,
      blockConcurrencyWhile: (body) => {
        const work = ready.then(body);
        ready = work;
        return work;
      },
      waitUntil: () => {},
    };
    const object = new this.type(context, this.env);
    const held = { storage, ready, object };
    this.objects.set(id.name, held);
    return held;
  }
}

function boundValue(value: unknown): Value {
  if (value === null || value === undefined) {
    return null;
  }
  if (typeof value === 'boolean') {
    return String(value); // the storage takes only text, numbers, buffers and null, and turns the rest into text
  }
  return bytesOf(value) ?? (value as Value);
}

function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { message, errcode } = error as Error & { errcode?: number };
    throw new Error(`${message}: ${((errcode ?? 1) & 0xff) === 19 ? 'SQLITE_CONSTRAINT' : 'SQLITE_ERROR'}`, { cause: error });
  }
}
