import type { Env } from '../env';

export interface Item {
  sku: string;
  title: string;
  price: number;
  stock: number;
}

/** Adds an item, or changes its title and price and adds to its stock. */
export async function putItem(env: Env, item: Item): Promise<Item> {
  const stored = await env.DB.prepare(
    `INSERT INTO items (sku, title, price, stock) VALUES (?, ?, ?, ?)
     ON CONFLICT (sku) DO UPDATE SET title = excluded.title, price = excluded.price, stock = stock + excluded.stock
     RETURNING sku, title, price, stock`,
  )
    .bind(item.sku, item.title, item.price, item.stock)
    .first<Item>();
  return stored!;
}

export async function listItems(env: Env, search: string): Promise<Item[]> {
  const pattern = `%${search}%`;
  const statement = env.DB.prepare('SELECT sku, title, price, stock FROM items WHERE title LIKE ? ORDER BY sku');
  const { results } = await statement.bind(pattern).all<Item>();
  return results;
}
