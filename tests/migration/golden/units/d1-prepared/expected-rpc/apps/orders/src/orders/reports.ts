import type { Env } from '../env';

export interface Revenue {
  sku: string;
  orders: number;
  cents: number;
}

export async function revenue(env: Env): Promise<Revenue[]> {
  const { results } = await env.ORCHESTRATOR.listOrders<Revenue>();
  return results;
}

export async function countOrders(env: Env, status: string): Promise<number> {
  return (await env.ORCHESTRATOR.countOrdersByStatus<number>(status)) ?? 0;
}

/** Returns the orders as CSV, without a statement in sight: rows come as arrays. */
export async function csv(env: Env): Promise<string> {
  const rows = await env.ORCHESTRATOR.listOrders2<[number, string, number, string | null]>();
  return rows.map((row) => row.map((value) => (value === null ? '' : String(value))).join(',')).join('\n');
}
