import type { OrdersRpc } from './orchestrator-rpc';

export interface Env {
  ORCHESTRATOR: OrdersRpc;
  CURRENCY: string;
}
