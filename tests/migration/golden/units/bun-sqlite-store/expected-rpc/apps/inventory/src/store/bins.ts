import type { InventoryRpc } from '../orchestrator-rpc';
import type { Bin } from '../types';

/** The bins; its statements are prepared once. */
export class BinStore {
  private readonly orchestrator: InventoryRpc;

  constructor(db: InventoryRpc) {
    this.orchestrator = db;
  }

  async add(bin: Bin): Promise<void> {
    await this.orchestrator.insertBin(bin.code, bin.capacity, bin.label);
  }

  async all(): Promise<Bin[]> {
    return await this.orchestrator.listBins<Bin>();
  }
}
