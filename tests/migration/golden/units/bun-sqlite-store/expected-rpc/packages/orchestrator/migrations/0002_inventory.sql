-- The tables of inventory, as its worker made them for itself.

CREATE TABLE IF NOT EXISTS bins (
  code TEXT PRIMARY KEY,
  capacity INTEGER NOT NULL CHECK (capacity > 0),
  label TEXT -- what is painted on it; may be NULL
);

CREATE TABLE IF NOT EXISTS items (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sku TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  bin TEXT NOT NULL REFERENCES bins (code),
  quantity INTEGER NOT NULL DEFAULT 0 CHECK (quantity >= 0),
  serial INTEGER,
  photo BLOB
);

CREATE TABLE IF NOT EXISTS moves (
  id INTEGER PRIMARY KEY,
  sku TEXT NOT NULL,
  quantity INTEGER NOT NULL,
  reason TEXT,
  at TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS moves_sku ON moves (sku, id);
