import type { InventoryRpc } from '../orchestrator-rpc';
import type { Move } from '../types';

export async function record(db: InventoryRpc, sku: string, quantity: number, reason: string | null, at: string): Promise<number> {
  const { lastInsertRowid } = await db.insertMove(sku, quantity, reason, at);
  return Number(lastInsertRowid);
}

export async function history(db: InventoryRpc, sku: string, limit: number): Promise<Move[]> {
  return await db.listMovesBySku<Move>(sku, limit);
}

/** Forgets what is older and returns it. */
export async function forget(db: InventoryRpc, before: string): Promise<Move[]> {
  const gone = await db.deleteMoves<Move>(before);
  return gone.sort((one, other) => one.id - other.id);
}
