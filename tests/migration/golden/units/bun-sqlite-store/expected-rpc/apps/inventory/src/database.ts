import type { InventoryRpc } from './orchestrator-rpc';

/** Opens the file, with its tables in it. */
export function openDatabase(orchestrator: InventoryRpc): InventoryRpc {
  const db = orchestrator;
  return db;
}
