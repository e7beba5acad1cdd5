// The rows of orders: one method for each statement that its worker runs.
// Generated when the unit was migrated. To change a method, change it here and in the worker's contract
// file; the next migration of the unit merges what you changed with what it generates.
import { BaseWorkerEntrypoint } from '../base';

export type FindCustomerByEmailRow = {
  id: number;
  email: string;
  name: string;
  nickname: string | null;
};

export type ItemRow = {
  sku: string;
  title: string;
  price: number;
  stock: number;
};

export type ListOrdersRow = {
  sku: string;
  orders: number;
  cents: number | null;
};

export type OrderRow = {
  id: number;
  customer_id: number;
  sku: string;
  quantity: number;
  weight: number | null;
  placed_at: string;
  note: string | null;
  status: string;
};

/** What orders asks of the database, over RPC. */
export class OrdersEntrypoint extends BaseWorkerEntrypoint {
  async insertCustomer<Row = Record<string, unknown>>(
    email: string,
    name: string,
    nickname: string | null,
  ): Promise<D1Result<Row>> {
    return await this.env.DB
      .prepare('INSERT INTO customers (email, name, nickname) VALUES (?, ?, ?)')
      .bind(email, name, nickname)
      .run<Row>();
  }

  async findCustomerByEmail<Row = FindCustomerByEmailRow>(email: string): Promise<Row | null> {
    return await this.env.DB
      .prepare('SELECT id, email, name, nickname FROM customers WHERE email = ?')
      .bind(email)
      .first<Row>();
  }

  async updateCustomer<Row = Record<string, unknown>>(
    avatar: Uint8Array | ArrayBuffer | null,
    id: number,
  ): Promise<D1Result<Row>> {
    return await this.env.DB
      .prepare('UPDATE customers SET avatar = ? WHERE id = ?')
      .bind(avatar, id)
      .run<Row>();
  }

  async findCustomerById<Value = number[] | null>(id: number): Promise<Value | null> {
    return await this.env.DB
      .prepare('SELECT avatar FROM customers WHERE id = ?')
      .bind(id)
      .first<Value>('avatar');
  }

  async deleteCustomer<Row = Record<string, unknown>>(id: number): Promise<D1Result<Row>> {
    return await this.env.DB.prepare('DELETE FROM customers WHERE id = ?').bind(id).run<Row>();
  }

  async upsertItem<Row = ItemRow>(sku: string, title: string, price: number, stock: number): Promise<Row | null> {
    return await this.env.DB.prepare(`
      INSERT INTO items (sku, title, price, stock) VALUES (?, ?, ?, ?)
      ON CONFLICT (sku) DO UPDATE SET title = excluded.title, price = excluded.price, stock = stock + excluded.stock
      RETURNING sku, title, price, stock
    `).bind(sku, title, price, stock).first<Row>();
  }

  async listItems<Row = ItemRow>(title: string): Promise<D1Result<Row>> {
    return await this.env.DB
      .prepare('SELECT sku, title, price, stock FROM items WHERE title LIKE ? ORDER BY sku')
      .bind(title)
      .all<Row>();
  }

  async listOrders<Row = ListOrdersRow>(): Promise<D1Result<Row>> {
    return await this.env.DB.prepare(`
      SELECT o.sku AS sku, COUNT(*) AS orders, SUM(o.quantity * i.price) AS cents
      FROM orders o JOIN items i ON i.sku = o.sku
      GROUP BY o.sku ORDER BY cents DESC, o.sku
    `).all<Row>();
  }

  async countOrdersByStatus<Value = number>(status: string): Promise<Value | null> {
    return await this.env.DB
      .prepare('SELECT COUNT(*) AS n FROM orders WHERE status = ?')
      .bind(status)
      .first<Value>('n');
  }

  async listOrders2<Row = unknown[]>(): Promise<Row[]> {
    return await this.env.DB.prepare('SELECT id, sku, quantity, note FROM orders ORDER BY id').raw<Row>();
  }

  async batchItemOrder<Row = unknown>(
    stock: number,
    sku: string,
    customerId: number,
    weight: number | null,
    placedAt: string,
    note: string | null,
  ): Promise<D1Result<Row>[]> {
    return await this.env.DB.batch<Row>([
      this.env.DB.prepare('UPDATE items SET stock = stock - ? WHERE sku = ?').bind(stock, sku),
      this.env.DB
        .prepare('INSERT INTO orders (customer_id, sku, quantity, weight, placed_at, note) VALUES (?, ?, ?, ?, ?, ?)')
        .bind(customerId, sku, stock, weight, placedAt, note),
    ]);
  }

  async findOrderById<Row = OrderRow>(id: number): Promise<Row | null> {
    return await this.env.DB.prepare('SELECT * FROM orders WHERE id = ?').bind(id).first<Row>();
  }

  async listOrdersByCustomerId<Row = OrderRow>(customerId: number | null, limit: number): Promise<D1Result<Row>> {
    return await this.env.DB.prepare(`
      SELECT * FROM orders
      WHERE ?1 IS NULL OR customer_id = ?1
      ORDER BY id DESC
      LIMIT ?2
    `).bind(customerId, limit).all<Row>();
  }

  async updateOrder<Row = OrderRow>(id: number, status: string, status2: string): Promise<Row | null> {
    return await this.env.DB
      .prepare('UPDATE orders SET status = ?3 WHERE id = ?1 AND status = ?2 RETURNING *')
      .bind(id, status, status2)
      .first<Row>();
  }

  async deleteOrder<Row = Record<string, unknown>>(customerId: number): Promise<D1Result<Row>> {
    return await this.env.DB
      .prepare("DELETE FROM orders WHERE customer_id = ? AND status = 'open'")
      .bind(customerId)
      .run<Row>();
  }

  async updateOrderNote<Row = Record<string, unknown>>(note: string | null, id: number): Promise<D1Result<Row>> {
    return await this.env.DB.prepare('UPDATE orders SET note = ? WHERE id = ?').bind(note, id).run<Row>();
  }
}
