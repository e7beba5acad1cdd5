-- The tables of rooms, as its worker made them for itself.

CREATE TABLE IF NOT EXISTS members (
  name TEXT PRIMARY KEY,
  joined_at TEXT NOT NULL,
  colour TEXT,
  posts INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  author TEXT NOT NULL REFERENCES members (name),
  text TEXT NOT NULL CHECK (text <> ''),
  at TEXT NOT NULL,
  edited_at TEXT,
  score REAL
);
