import type { Env } from '../env';

export interface Revenue {
  sku: string;
  orders: number;
  cents: number;
}

export async function revenue(env: Env): Promise<Revenue[]> {
  const { results } = await env.DB.prepare(
    `SELECT o.sku AS sku, COUNT(*) AS orders, SUM(o.quantity * i.price) AS cents
     FROM orders o JOIN items i ON i.sku = o.sku
     GROUP BY o.sku ORDER BY cents DESC, o.sku`,
  ).all<Revenue>();
  return results;
}

export async function countOrders(env: Env, status: string): Promise<number> {
  return (await env.DB.prepare('SELECT COUNT(*) AS n FROM orders WHERE status = ?').bind(status).first<number>('n')) ?? 0;
}

/** Returns the orders as CSV, without a statement in sight: rows come as arrays. */
export async function csv(env: Env): Promise<string> {
  const rows = await env.DB.prepare('SELECT id, sku, quantity, note FROM orders ORDER BY id').raw<[number, string, number, string | null]>();
  return rows.map((row) => row.map((value) => (value === null ? '' : String(value))).join(',')).join('\n');
}
