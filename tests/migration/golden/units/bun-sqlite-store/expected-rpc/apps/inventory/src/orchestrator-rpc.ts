// What inventory calls on its orchestrator, over RPC; the orchestrator's class with these methods is
// generated from the same statements. Change both together.

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

/** The methods of the orchestrator's entrypoint. */
export interface InventoryRpc {
  insertBin(code: string, capacity: number, label: string | null): Promise<Changes>;
  listBins<Row = BinRow>(): Promise<Row[]>;
  insertItem<Row = InsertItemRow>(
    sku: string,
    title: string,
    bin: string,
    quantity: number,
    serial: number | null,
  ): Promise<Row | null>;
  findItemBySku<Row = InsertItemRow>(sku: string): Promise<Row | null>;
  listItemsByBin<Row = InsertItemRow>(bin: string): Promise<Row[]>;
  updateItem(title: string, sku: string): Promise<Changes>;
  deleteItem(sku: string): Promise<Changes>;
  listItems<Row = (string | number | Uint8Array | null)[]>(): Promise<Row[]>;
  updateItemPhoto(photo: Uint8Array | ArrayBuffer | null, sku: string): Promise<Changes>;
  findItemSizeBySku<Row = FindItemSizeBySkuRow>(sku: string): Promise<Row | null>;
  move(to: string, quantity: number, from: string, at: string): Promise<void>;
  insertMove(sku: string, quantity: number, reason: string | null, at: string): Promise<Changes>;
  listMovesBySku<Row = MoveRow>(sku: string, limit: number): Promise<Row[]>;
  deleteMoves<Row = MoveRow>(at: string): Promise<Row[]>;
}

declare global {
  namespace Cloudflare {
    interface Env {
      ORCHESTRATOR: InventoryRpc;
    }
  }
}
