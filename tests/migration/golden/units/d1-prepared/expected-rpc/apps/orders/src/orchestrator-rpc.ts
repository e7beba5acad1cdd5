// What orders calls on its orchestrator, over RPC; the orchestrator's class with these methods is
// generated from the same statements. Change both together.

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

/** The methods of the orchestrator's entrypoint. */
export interface OrdersRpc {
  insertCustomer<Row = Record<string, unknown>>(
    email: string,
    name: string,
    nickname: string | null,
  ): Promise<D1Result<Row>>;
  findCustomerByEmail<Row = FindCustomerByEmailRow>(email: string): Promise<Row | null>;
  updateCustomer<Row = Record<string, unknown>>(
    avatar: Uint8Array | ArrayBuffer | null,
    id: number,
  ): Promise<D1Result<Row>>;
  findCustomerById<Value = number[] | null>(id: number): Promise<Value | null>;
  deleteCustomer<Row = Record<string, unknown>>(id: number): Promise<D1Result<Row>>;
  upsertItem<Row = ItemRow>(sku: string, title: string, price: number, stock: number): Promise<Row | null>;
  listItems<Row = ItemRow>(title: string): Promise<D1Result<Row>>;
  listOrders<Row = ListOrdersRow>(): Promise<D1Result<Row>>;
  countOrdersByStatus<Value = number>(status: string): Promise<Value | null>;
  listOrders2<Row = unknown[]>(): Promise<Row[]>;
  batchItemOrder<Row = unknown>(
    stock: number,
    sku: string,
    customerId: number,
    weight: number | null,
    placedAt: string,
    note: string | null,
  ): Promise<D1Result<Row>[]>;
  findOrderById<Row = OrderRow>(id: number): Promise<Row | null>;
  listOrdersByCustomerId<Row = OrderRow>(customerId: number | null, limit: number): Promise<D1Result<Row>>;
  updateOrder<Row = OrderRow>(id: number, status: string, status2: string): Promise<Row | null>;
  deleteOrder<Row = Record<string, unknown>>(customerId: number): Promise<D1Result<Row>>;
  updateOrderNote<Row = Record<string, unknown>>(note: string | null, id: number): Promise<D1Result<Row>>;
}
