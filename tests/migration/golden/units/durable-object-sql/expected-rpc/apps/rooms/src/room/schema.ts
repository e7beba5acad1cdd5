/** Makes the tables of a room, where they are not there yet. */
import type { RoomsRpc } from '../platform-rpc.js';

export function createTables(sql: RoomsRpc): void {}
