export type Status = 'open' | 'paid' | 'sent';

export interface Order {
  id: number;
  customer_id: number;
  sku: string;
  quantity: number;
  weight: number | null;
  placed_at: string;
  note: string | null;
  status: Status;
}

export interface NewOrder {
  customerId: number;
  sku: string;
  quantity: number;
  weight?: number | null;
  placedAt: string;
  note?: string | null;
}
