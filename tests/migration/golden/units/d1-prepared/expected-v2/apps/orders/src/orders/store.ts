// The statements of orders. A comment is no statement: env.DB.prepare('DELETE FROM orders').run()
import type { Env } from '../env';
import type { NewOrder, Order, Status } from './types';

export type { NewOrder, Order } from './types';

/** Places an order and takes it from the stock, both or neither. */
export async function placeOrder(env: Env, order: NewOrder): Promise<number> {
  const [, placed] = await env.DB.batch([
    env.DB.prepare('UPDATE items SET stock = stock - ? WHERE sku = ?').bind(order.quantity, order.sku),
    env.DB.prepare(
      'INSERT INTO orders (customer_id, sku, quantity, weight, placed_at, note) VALUES (?, ?, ?, ?, ?, ?)',
    ).bind(order.customerId, order.sku, order.quantity, order.weight ?? null, order.placedAt, order.note ?? null),
  ]);
  return placed!.meta.last_row_id;
}

export async function findOrder(env: Env, id: number): Promise<Order | null> {
  return env.DB.prepare('SELECT * FROM orders WHERE id = ?').bind(id).first<Order>();
}

export async function listOrders(env: Env, customerId: number | null, limit: number): Promise<Order[]> {
  const { results } = await env.DB.prepare(
    `SELECT * FROM orders
     WHERE ?1 IS NULL OR customer_id = ?1
     ORDER BY id DESC
     LIMIT ?2`,
  )
    .bind(customerId, limit)
    .all<Order>();
  return results;
}

/** Moves an order on; returns it as it is then, or null where no order had the old status. */
export async function advance(env: Env, id: number, from: Status, to: Status): Promise<Order | null> {
  return await env.DB.prepare('UPDATE orders SET status = ?3 WHERE id = ?1 AND status = ?2 RETURNING *')
    .bind(id, from, to)
    .first<Order>();
}

export async function cancelOpen(env: Env, customerId: number): Promise<number> {
  const { meta } = await env.DB.prepare("DELETE FROM orders WHERE customer_id = ? AND status = 'open'")
    .bind(customerId)
    .run();
  return meta.changes;
}

/** Counts the orders of a day (YYYY-MM-DD). */
export async function countOn(env: Env, day: string): Promise<number> {
  return (await env.DB.prepare('SELECT COUNT(*) AS n FROM orders WHERE placed_at LIKE ?').bind(`${day}%`).first<number>('n')) ?? 0;
}

export async function annotate(env: Env, id: number, note: string | null): Promise<boolean> {
  const result = await env.DB.prepare('UPDATE orders SET note = ? WHERE id = ?').bind(note, id).run();
  return result.meta.changes > 0;
}
