import type { OrdersRpc } from '../orchestrator-rpc';

export interface Customer {
  id: number;
  email: string;
  name: string;
  nickname: string | null;
}

/** The customers; it is given the database, so that it can be tried on another. */
export class CustomerStore {
  constructor(private readonly db: OrdersRpc) {}

  async add(email: string, name: string, nickname: string | null): Promise<number> {
    const result = await this.db.insertCustomer(email, name, nickname);
    return result.meta.last_row_id;
  }

  async find(email: string): Promise<Customer | null> {
    return this.db.findCustomerByEmail<Customer>(email);
  }

  async setAvatar(id: number, image: ArrayBuffer): Promise<boolean> {
    const { meta } = await this.db.updateCustomer(image, id);
    return meta.changes === 1;
  }

  /** D1 gives a blob as an array of numbers. */
  async avatar(id: number): Promise<number[] | null> {
    return this.db.findCustomerById<number[] | null>(id);
  }

  async remove(id: number): Promise<boolean> {
    const { meta } = await this.db.deleteCustomer(id);
    return meta.changes > 0;
  }
}
