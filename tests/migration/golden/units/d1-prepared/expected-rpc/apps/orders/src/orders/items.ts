import type { Env } from '../env';

export interface Item {
  sku: string;
  title: string;
  price: number;
  stock: number;
}

/** Adds an item, or changes its title and price and adds to its stock. */
export async function putItem(env: Env, item: Item): Promise<Item> {
  const stored = await env.ORCHESTRATOR.upsertItem<Item>(item.sku, item.title, item.price, item.stock);
  return stored!;
}

export async function listItems(env: Env, search: string): Promise<Item[]> {
  const pattern = `%${search}%`;
  const { results } = await env.ORCHESTRATOR.listItems<Item>(pattern);
  return results;
}
