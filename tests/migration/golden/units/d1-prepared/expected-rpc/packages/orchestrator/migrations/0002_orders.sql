-- The tables of orders, as its worker made them for itself.

CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  nickname TEXT,
  avatar BLOB
);

CREATE TABLE items (
  sku TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  price INTEGER NOT NULL CHECK (price >= 0),
  stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0)
);

CREATE TABLE orders (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  sku TEXT NOT NULL REFERENCES items (sku),
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  weight REAL,
  placed_at TEXT NOT NULL,
  note TEXT
);

CREATE INDEX orders_customer ON orders (customer_id);

ALTER TABLE orders ADD COLUMN status TEXT NOT NULL DEFAULT 'open';
