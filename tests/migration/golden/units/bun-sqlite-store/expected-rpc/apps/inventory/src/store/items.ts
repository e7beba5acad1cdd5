import type { InventoryRpc } from '../orchestrator-rpc';
import type { Item, NewItem } from '../types';

/** The items, and the statements that they need. */
export class ItemStore {
  constructor(private readonly db: InventoryRpc) {}

  async add(item: NewItem): Promise<Item> {
    return (await this.db.insertItem<Item>(item.sku, item.title, item.bin, item.quantity, item.serial))!;
  }

  async find(sku: string): Promise<Item | null> {
    return await this.db.findItemBySku<Item>(sku);
  }

  async inBin(bin: string): Promise<Item[]> {
    return await this.db.listItemsByBin<Item>(bin);
  }

  /** Returns whether there was such an item. */
  async rename(sku: string, title: string): Promise<boolean> {
    const { changes } = await this.db.updateItem(title, sku);
    return changes > 0;
  }

  async remove(sku: string): Promise<number> {
    return (await this.db.deleteItem(sku)).changes;
  }

  async totals(): Promise<Map<string, number>> {
    const totals = new Map<string, number>();
    for (const [bin, quantity] of await this.db.listItems()) {
      totals.set(String(bin), Number(quantity));
    }
    return totals;
  }

  async setPhoto(sku: string, photo: Uint8Array): Promise<boolean> {
    return (await this.db.updateItemPhoto(photo, sku)).changes === 1;
  }

  async hasPhoto(sku: string): Promise<number | null> {
    const row = await this.db.findItemSizeBySku<{ size: number | null }>(sku);
    return row?.size ?? null;
  }

  /** Moves a part of the stock to another item: all of it or nothing. */
  async transfer(from: string, to: string, quantity: number, at: string): Promise<void> {
    await this.db.move(to, quantity, from, at);
  }
}
