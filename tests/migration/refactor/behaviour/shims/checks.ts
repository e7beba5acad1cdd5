// What the shims promise, where the real APIs are known to differ from each other. Prints a JSON object: check → ok or why not.
// node --import ./hooks.mjs shims/checks.ts
import assert from 'node:assert/strict';
import { Database } from './bun-sqlite.ts';
import { D1Shim } from './d1.ts';
import { StorageShim } from './durable-object.ts';
import { bindingTo } from './rpc.ts';
import { statementsOf } from './sqlite.ts';

const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER CHECK (n < 10), b BLOB)';

const checks: Record<string, () => void | Promise<void>> = {
  'bun: a row that is not there is null, values are arrays, run counts'() {
    const db = new Database('one');
    db.run(TABLE);
    assert.equal(db.query('SELECT * FROM t').get(), null);
    assert.deepEqual(db.run('INSERT INTO t (n) VALUES (?), (?)', [1, 2]), { lastInsertRowid: 2, changes: 2 });
    assert.deepEqual(db.query('SELECT n FROM t').values(), [[1], [2]]);
    assert.deepEqual([...db.query('SELECT n FROM t WHERE n = $n').iterate({ $n: 2 })], [{ n: 2 }]);
  },
  'bun: a transaction that throws is undone, an inner one alone'() {
    const db = new Database('two');
    db.exec(TABLE);
    const inner = db.transaction(() => {
      db.run('INSERT INTO t (n) VALUES (2)');
      throw new Error('inner');
    });
    db.transaction((n: number) => {
      db.run('INSERT INTO t (n) VALUES (?)', n);
      assert.throws(inner, /inner/);
    })(1);
    assert.deepEqual(db.query('SELECT n FROM t').values(), [[1]]);
    assert.throws(() => db.transaction(() => db.run('INSERT INTO t (n) VALUES (3), (99)'))(), { name: 'SQLiteError' });
    assert.equal(db.inTransaction, false);
  },
  'bun: integers beyond 2^53 lose precision unless they are asked for'() {
    const db = new Database('three');
    assert.deepEqual(db.query('SELECT 9007199254740993 AS n').get(), { n: 9007199254740992 });
    assert.deepEqual(new Database('three', { safeIntegers: true }).query('SELECT 9007199254740993 AS n').get(), { n: 9007199254740993n });
    assert.deepEqual(db.query('SELECT typeof(?) AS a, typeof(?) AS b').get(1, 1.5), { a: 'integer', b: 'real' });
  },
  'bun: undefined is NULL, a blob is bytes, several statements run at once'() {
    const db = new Database('four');
    db.exec(`${TABLE}; INSERT INTO t (n) VALUES (1); -- ;\n INSERT INTO t (n) VALUES (2)`);
    db.run('UPDATE t SET n = ?, b = ? WHERE id = 1', [undefined, new Uint8Array([7])]);
    assert.deepEqual(db.query('SELECT n, b FROM t WHERE id = 1').get(), { n: null, b: new Uint8Array([7]) });
    assert.equal(db.query('SELECT * FROM t').all().length, 2);
  },
  async 'd1: a batch is one transaction, errors are wrapped'() {
    const db = new D1Shim();
    await db.exec(TABLE);
    const insert = db.prepare('INSERT INTO t (n) VALUES (?)');
    await assert.rejects(db.batch([insert.bind(1), insert.bind(99)]), { message: 'D1_ERROR: CHECK constraint failed: n < 10: SQLITE_CONSTRAINT' });
    assert.equal(await db.prepare('SELECT COUNT(*) AS n FROM t').first('n'), 0);
    const [, last] = await db.batch([insert.bind(1), insert.bind(2)]);
    assert.equal(last?.meta.last_row_id, 2);
  },
  async 'd1: blobs are arrays of numbers, undefined and bigint are refused, all parameters are wanted'() {
    const db = new D1Shim();
    await db.exec(TABLE);
    await db.prepare('INSERT INTO t (b) VALUES (?)').bind(new Uint8Array([1, 2]).buffer).run();
    assert.deepEqual(await db.prepare('SELECT b FROM t').first('b'), [1, 2]);
    assert.deepEqual(await db.prepare('SELECT id, b FROM t').raw({ columnNames: true }), [['id', 'b'], [1, [1, 2]]]);
    assert.throws(() => db.prepare('SELECT ?').bind(undefined), /D1_TYPE_ERROR/);
    assert.throws(() => db.prepare('SELECT ?').bind(1n), /D1_TYPE_ERROR/);
    await assert.rejects(db.prepare("SELECT ?2, '?' -- ?").bind(1).all(), /Wrong number of parameter bindings/);
    await assert.rejects(db.prepare('SELECT 1 AS one').first('two'), /D1_COLUMN_NOTFOUND/);
  },
  'object: a cursor is read once, one() wants one, raw() gives arrays'() {
    const { sql } = new StorageShim(true);
    const rows = sql.exec(`${TABLE}; INSERT INTO t (n) VALUES (1), (2) RETURNING n, n + 1`);
    assert.deepEqual([rows.columnNames, rows.rowsWritten], [['n', 'n + 1'], 2]);
    assert.deepEqual(rows.toArray(), [{ n: 1, 'n + 1': 2 }, { n: 2, 'n + 1': 3 }]);
    assert.deepEqual(rows.toArray(), []);
    assert.throws(() => sql.exec('SELECT * FROM t').one(), /multiple results/);
    assert.throws(() => sql.exec('SELECT * FROM t WHERE n = 7').one(), /no results/);
    assert.deepEqual([...sql.exec('SELECT n FROM t').raw()], [[1], [2]]);
  },
  'object: a transaction that throws is undone, and statements may not begin one'() {
    const storage = new StorageShim(true);
    storage.sql.exec(TABLE);
    assert.throws(() => storage.transactionSync(() => storage.sql.exec('INSERT INTO t (n) VALUES (1); INSERT INTO t (n) VALUES (99)')));
    assert.equal(storage.sql.exec('SELECT * FROM t').toArray().length, 0);
    assert.throws(() => storage.sql.exec('BEGIN'), /transaction/);
    assert.equal(storage.transactionSync(() => 7), 7);
  },
  async 'rpc: values are copies, methods of the class alone can be called, errors lose their class'() {
    const given = { list: [1] };
    class Entry {
      own = () => 1;
      take(value: { list: number[] }): { list: number[]; at: Date; bytes: Uint8Array } {
        value.list.push(2);
        return { ...value, at: new Date(0), bytes: new Uint8Array([1]) };
      }
      fail(): never {
        throw Object.assign(new RangeError('too far'), { code: 7 });
      }
      leak(): Entry {
        return this;
      }
    }
    const binding = bindingTo(new Entry()) as Record<string, (...args: unknown[]) => Promise<unknown>>;
    assert.deepEqual(await binding.take?.(given), { list: [1, 2], at: new Date(0), bytes: new Uint8Array([1]) });
    assert.deepEqual(given, { list: [1] });
    await assert.rejects(async () => binding.own?.(), /does not implement the method "own"/);
    await assert.rejects(async () => binding.fail?.(), (error: RangeError & { code?: number }) => error.name === 'RangeError' && error.code === undefined);
    await assert.rejects(async () => binding.leak?.(), /Could not serialize/);
    await assert.rejects(async () => binding.take?.(() => 1), /DataCloneError|could not be cloned/);
  },
  'sqlite: statements end where SQLite ends them'() {
    const trigger = 'CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END';
    assert.deepEqual(statementsOf(`SELECT ';', ";", [;]; /* ; */ SELECT 2 -- ;\n; ${trigger};;`), ["SELECT ';', \";\", [;]", '/* ; */ SELECT 2 -- ;', trigger]);
  },
};

const told: Record<string, string> = {};
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    told[name] = 'ok';
  } catch (error) {
    told[name] = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
process.stdout.write(JSON.stringify(told));
