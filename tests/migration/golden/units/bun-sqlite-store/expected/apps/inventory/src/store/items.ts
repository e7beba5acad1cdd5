import type { Database } from 'bun:sqlite';
import type { Item, NewItem } from '../types';

/** The items, and the statements that they need. */
export class ItemStore {
  constructor(private readonly db: Database) {}

  add(item: NewItem): Item {
    return this.db
      .query<Item, [string, string, string, number, number | null]>(
        `INSERT INTO items (sku, title, bin, quantity, serial) VALUES (?, ?, ?, ?, ?)
         RETURNING id, sku, title, bin, quantity, serial`,
      )
      .get(item.sku, item.title, item.bin, item.quantity, item.serial)!;
  }

  find(sku: string): Item | null {
    return this.db
      .query<Item, [string]>('SELECT id, sku, title, bin, quantity, serial FROM items WHERE sku = ?')
      .get(sku);
  }

  inBin(bin: string): Item[] {
    return this.db
      .query<Item, [string]>('SELECT id, sku, title, bin, quantity, serial FROM items WHERE bin = ? ORDER BY sku')
      .all(bin);
  }

  /** Returns whether there was such an item. */
  rename(sku: string, title: string): boolean {
    const { changes } = this.db.run('UPDATE items SET title = ? WHERE sku = ?', [title, sku]);
    return changes > 0;
  }

  remove(sku: string): number {
    return this.db.prepare('DELETE FROM items WHERE sku = ?').run(sku).changes;
  }

  totals(): Map<string, number> {
    const totals = new Map<string, number>();
    for (const [bin, quantity] of this.db.query('SELECT bin, SUM(quantity) FROM items GROUP BY bin ORDER BY bin').values()) {
      totals.set(String(bin), Number(quantity));
    }
    return totals;
  }

  setPhoto(sku: string, photo: Uint8Array): boolean {
    return this.db.run('UPDATE items SET photo = ? WHERE sku = ?', [photo, sku]).changes === 1;
  }

  hasPhoto(sku: string): number | null {
    const row = this.db
      .query<{ size: number | null }, [string]>('SELECT LENGTH(photo) AS size FROM items WHERE sku = ?')
      .get(sku);
    return row?.size ?? null;
  }

  /** Moves a part of the stock to another item: all of it or nothing. */
  transfer(from: string, to: string, quantity: number, at: string): void {
    const move = this.db.transaction(() => {
      this.db.run('INSERT INTO moves (sku, quantity, reason, at) VALUES (?, ?, ?, ?)', [to, quantity, `from ${from}`, at]);
      this.db.run('UPDATE items SET quantity = quantity + ? WHERE sku = ?', [quantity, to]);
      this.db.run('UPDATE items SET quantity = quantity - ? WHERE sku = ?', [quantity, from]);
    });
    move();
  }
}
