export interface Customer {
  id: number;
  email: string;
  name: string;
  nickname: string | null;
}

/** The customers; it is given the database, so that it can be tried on another. */
export class CustomerStore {
  constructor(private readonly db: D1Database) {}

  async add(email: string, name: string, nickname: string | null): Promise<number> {
    const result = await this.db
      .prepare('INSERT INTO customers (email, name, nickname) VALUES (?, ?, ?)')
      .bind(email, name, nickname)
      .run();
    return result.meta.last_row_id;
  }

  async find(email: string): Promise<Customer | null> {
    return this.db
      .prepare('SELECT id, email, name, nickname FROM customers WHERE email = ?')
      .bind(email)
      .first<Customer>();
  }

  async setAvatar(id: number, image: ArrayBuffer): Promise<boolean> {
    const { meta } = await this.db.prepare('UPDATE customers SET avatar = ? WHERE id = ?').bind(image, id).run();
    return meta.changes === 1;
  }

  /** D1 gives a blob as an array of numbers. */
  async avatar(id: number): Promise<number[] | null> {
    return this.db.prepare('SELECT avatar FROM customers WHERE id = ?').bind(id).first<number[] | null>('avatar');
  }

  async remove(id: number): Promise<boolean> {
    const { meta } = await this.db.prepare('DELETE FROM customers WHERE id = ?').bind(id).run();
    return meta.changes > 0;
  }
}
