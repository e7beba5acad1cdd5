// The rows of inventory: one method for each statement that its worker runs.
// Generated when the unit was migrated. To change a method, change it here and in the worker's contract
// file; the next migration of the unit merges what you changed with what it generates.
import { BaseWorkerEntrypoint } from '../base';

export type BinRow = {
  code: string;
  capacity: number;
  label: string | null;
};

export type InsertItemRow = {
  id: number;
  sku: string;
  title: string;
  bin: string;
  quantity: number;
  serial: number | null;
};

export type FindItemSizeBySkuRow = {
  size: number | null;
};

export type MoveRow = {
  id: number;
  sku: string;
  quantity: number;
  reason: string | null;
  at: string;
};

/** What a write did; `lastInsertRowid` is the id of the row that was inserted last. */
export interface Changes {
  changes: number;
  lastInsertRowid: number;
}

/** What inventory asks of the database, over RPC. */
export class InventoryEntrypoint extends BaseWorkerEntrypoint {
  async insertBin(code: string, capacity: number, label: string | null): Promise<Changes> {
    const { meta } = await this.env.DB
      .prepare('INSERT INTO bins (code, capacity, label) VALUES (?, ?, ?)')
      .bind(...orNull(code, capacity, label))
      .run();
    return { changes: meta.changes, lastInsertRowid: meta.last_row_id };
  }

  async listBins<Row = BinRow>(): Promise<Row[]> {
    const { results } = await this.env.DB
      .prepare('SELECT code, capacity, label FROM bins ORDER BY code')
      .all<Row>();
    return results;
  }

  async insertItem<Row = InsertItemRow>(
    sku: string,
    title: string,
    bin: string,
    quantity: number,
    serial: number | null,
  ): Promise<Row | null> {
    return await this.env.DB.prepare(`
      INSERT INTO items (sku, title, bin, quantity, serial) VALUES (?, ?, ?, ?, ?)
      RETURNING id, sku, title, bin, quantity, serial
    `).bind(...orNull(sku, title, bin, quantity, serial)).first<Row>();
  }

  async findItemBySku<Row = InsertItemRow>(sku: string): Promise<Row | null> {
    return await this.env.DB
      .prepare('SELECT id, sku, title, bin, quantity, serial FROM items WHERE sku = ?')
      .bind(...orNull(sku))
      .first<Row>();
  }

  async listItemsByBin<Row = InsertItemRow>(bin: string): Promise<Row[]> {
    const { results } = await this.env.DB
      .prepare('SELECT id, sku, title, bin, quantity, serial FROM items WHERE bin = ? ORDER BY sku')
      .bind(...orNull(bin))
      .all<Row>();
    return results;
  }

  async updateItem(title: string, sku: string): Promise<Changes> {
    const { meta } = await this.env.DB
      .prepare('UPDATE items SET title = ? WHERE sku = ?')
      .bind(...orNull(title, sku))
      .run();
    return { changes: meta.changes, lastInsertRowid: meta.last_row_id };
  }

  async deleteItem(sku: string): Promise<Changes> {
    const { meta } = await this.env.DB.prepare('DELETE FROM items WHERE sku = ?').bind(...orNull(sku)).run();
    return { changes: meta.changes, lastInsertRowid: meta.last_row_id };
  }

  async listItems<Row = (string | number | Uint8Array | null)[]>(): Promise<Row[]> {
    return await this.env.DB
      .prepare('SELECT bin, SUM(quantity) FROM items GROUP BY bin ORDER BY bin')
      .raw<Row>();
  }

  async updateItemPhoto(photo: Uint8Array | ArrayBuffer | null, sku: string): Promise<Changes> {
    const { meta } = await this.env.DB
      .prepare('UPDATE items SET photo = ? WHERE sku = ?')
      .bind(...orNull(photo, sku))
      .run();
    return { changes: meta.changes, lastInsertRowid: meta.last_row_id };
  }

  async findItemSizeBySku<Row = FindItemSizeBySkuRow>(sku: string): Promise<Row | null> {
    return await this.env.DB
      .prepare('SELECT LENGTH(photo) AS size FROM items WHERE sku = ?')
      .bind(...orNull(sku))
      .first<Row>();
  }

  async move(to: string, quantity: number, from: string, at: string): Promise<void> {
    const batch: D1PreparedStatement[] = [];
    batch.push(
      this.env.DB
        .prepare('INSERT INTO moves (sku, quantity, reason, at) VALUES (?, ?, ?, ?)')
        .bind(...orNull(to, quantity, `from ${from}`, at)),
    );
    batch.push(
      this.env.DB
        .prepare('UPDATE items SET quantity = quantity + ? WHERE sku = ?')
        .bind(...orNull(quantity, to)),
    );
    batch.push(
      this.env.DB
        .prepare('UPDATE items SET quantity = quantity - ? WHERE sku = ?')
        .bind(...orNull(quantity, from)),
    );
    if (batch.length > 0) {
      await this.env.DB.batch(batch);
    }
  }

  async insertMove(sku: string, quantity: number, reason: string | null, at: string): Promise<Changes> {
    const { meta } = await this.env.DB
      .prepare('INSERT INTO moves (sku, quantity, reason, at) VALUES (?, ?, ?, ?)')
      .bind(...orNull(sku, quantity, reason, at))
      .run();
    return { changes: meta.changes, lastInsertRowid: meta.last_row_id };
  }

  async listMovesBySku<Row = MoveRow>(sku: string, limit: number): Promise<Row[]> {
    const { results } = await this.env.DB
      .prepare('SELECT * FROM moves WHERE sku = ? ORDER BY id DESC LIMIT ?')
      .bind(...orNull(sku, limit))
      .all<Row>();
    return results;
  }

  async deleteMoves<Row = MoveRow>(at: string): Promise<Row[]> {
    const { results } = await this.env.DB
      .prepare('DELETE FROM moves WHERE at < ? RETURNING *')
      .bind(...orNull(at))
      .all<Row>();
    return results;
  }
}

/** D1 refuses `undefined`, which the worker's own database took for NULL. */
function orNull(...values: unknown[]): unknown[] {
  return values.map((value) => value ?? null);
}
