import type { Database, Statement } from 'bun:sqlite';
import type { Bin } from '../types';

/** The bins; the statements are prepared once. */
export class BinStore {
  private readonly insert: Statement<unknown, [string, number, string | null]>;
  private readonly everything: Statement<Bin, []>;

  constructor(db: Database) {
    this.insert = db.prepare('INSERT INTO bins (code, capacity, label) VALUES (?, ?, ?)');
    this.everything = db.prepare('SELECT code, capacity, label FROM bins ORDER BY code');
  }

  add(bin: Bin): void {
    this.insert.run(bin.code, bin.capacity, bin.label);
  }

  all(): Bin[] {
    return this.everything.all();
  }
}
