// The statements of orders. A comment is no statement: env.DB.prepare('DELETE FROM orders').run()
import type { Env } from '../env';
import type { NewOrder, Order, Status } from './types';

/** Places an order and takes it from the stock, both or neither. */
export async function placeOrder(env: Env, order: NewOrder): Promise<number> {
  const [, placed] = await env.ORCHESTRATOR.batchItemOrder(order.quantity, order.sku, order.customerId, order.weight ?? null, order.placedAt, order.note ?? null);
  return placed!.meta.last_row_id;
}

export async function findOrder(env: Env, id: number): Promise<Order | null> {
  return env.ORCHESTRATOR.findOrderById<Order>(id);
}

export async function listOrders(env: Env, customerId: number | null, limit: number): Promise<Order[]> {
  const { results } = await env.ORCHESTRATOR.listOrdersByCustomerId<Order>(customerId, limit);
  return results;
}

/** Moves an order on; returns it as it is then, or null where no order had the old status. */
export async function advance(env: Env, id: number, from: Status, to: Status): Promise<Order | null> {
  return await env.ORCHESTRATOR.updateOrder<Order>(id, from, to);
}

export async function cancelOpen(env: Env, customerId: number): Promise<number> {
  const { meta } = await env.ORCHESTRATOR.deleteOrder(customerId);
  return meta.changes;
}

export async function annotate(env: Env, id: number, note: string | null): Promise<boolean> {
  const result = await env.ORCHESTRATOR.updateOrderNote(note, id);
  return result.meta.changes > 0;
}
