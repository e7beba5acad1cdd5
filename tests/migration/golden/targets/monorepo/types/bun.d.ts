// The part of Bun's world that the golden workers use.
declare const process: { env: Record<string, string | undefined> };

declare module 'bun:sqlite' {
  export type SQLQueryBindings =
    | string
    | bigint
    | NodeJS.TypedArray
    | number
    | boolean
    | null
    | Record<string, string | bigint | NodeJS.TypedArray | number | boolean | null>;

  namespace NodeJS {
    type TypedArray = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;
  }

  export interface Changes {
    lastInsertRowid: number | bigint;
    changes: number;
  }

  type Bound<P> = P extends unknown[] ? P : [P];

  export class Statement<Row = unknown, Params extends SQLQueryBindings | SQLQueryBindings[] = SQLQueryBindings[]> {
    get(...params: Bound<Params>): Row | null;
    all(...params: Bound<Params>): Row[];
    iterate(...params: Bound<Params>): IterableIterator<Row>;
    values(...params: Bound<Params>): (string | bigint | number | boolean | Uint8Array | null)[][];
    run(...params: Bound<Params>): Changes;
    finalize(): void;
  }

  export class Database {
    constructor(filename?: string, options?: { create?: boolean; readonly?: boolean; safeIntegers?: boolean });
    query<Row, Params extends SQLQueryBindings | SQLQueryBindings[] = SQLQueryBindings[]>(sql: string): Statement<Row, Params>;
    prepare<Row, Params extends SQLQueryBindings | SQLQueryBindings[] = SQLQueryBindings[]>(sql: string): Statement<Row, Params>;
    run(sql: string, bindings?: SQLQueryBindings[]): Changes;
    exec(sql: string, bindings?: SQLQueryBindings[]): Changes;
    transaction<A extends unknown[], R>(body: (...args: A) => R): ((...args: A) => R) & {
      deferred: (...args: A) => R;
      immediate: (...args: A) => R;
      exclusive: (...args: A) => R;
    };
    close(): void;
  }
  export default Database;
}
