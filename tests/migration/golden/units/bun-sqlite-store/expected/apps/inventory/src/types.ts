export interface Bin {
  code: string;
  capacity: number;
  label: string | null;
}

export interface Item {
  id: number;
  sku: string;
  title: string;
  bin: string;
  quantity: number;
  serial: number | null;
}

export interface Move {
  id: number;
  sku: string;
  quantity: number;
  reason: string | null;
  at: string;
}

export type NewItem = Omit<Item, 'id'>;
