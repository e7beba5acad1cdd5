import type { Room } from './room/room';

export interface Env {
  ROOM: DurableObjectNamespace<Room>;
}
