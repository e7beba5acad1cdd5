import type { Room } from './room/room';
import type { RoomsRpc } from './platform-rpc';

export interface Env {
  ROOM: DurableObjectNamespace<Room>;
  PLATFORM: RoomsRpc;
}
