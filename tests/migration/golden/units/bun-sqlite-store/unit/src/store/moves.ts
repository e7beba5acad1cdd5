import type { Database } from 'bun:sqlite';
import type { Move } from '../types';

export function record(db: Database, sku: string, quantity: number, reason: string | null, at: string): number {
  const { lastInsertRowid } = db
    .query('INSERT INTO moves (sku, quantity, reason, at) VALUES (?, ?, ?, ?)')
    .run(sku, quantity, reason, at);
  return Number(lastInsertRowid);
}

export function history(db: Database, sku: string, limit: number): Move[] {
  return db.query<Move, [string, number]>('SELECT * FROM moves WHERE sku = ? ORDER BY id DESC LIMIT ?').all(sku, limit);
}

/** Forgets what is older and returns it. */
export function forget(db: Database, before: string): Move[] {
  const gone = db.query<Move, [string]>('DELETE FROM moves WHERE at < ? RETURNING *').all(before);
  return gone.sort((one, other) => one.id - other.id);
}
