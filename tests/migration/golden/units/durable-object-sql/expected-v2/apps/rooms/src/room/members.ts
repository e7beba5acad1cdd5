import type { Member } from './types';

/** Lets someone in, or gives a known member another colour. */
export function join(sql: SqlStorage, name: string, colour: string | null, at: string): Member {
  return sql
    .exec<Member>(
      `INSERT INTO members (name, joined_at, colour) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET colour = excluded.colour
       RETURNING *`,
      name,
      at,
      colour,
    )
    .one();
}

/** Returns how many are in the room. */
export function count(sql: SqlStorage): number {
  return sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM members').one().n;
}

export function members(sql: SqlStorage): Member[] {
  return sql.exec<Member>('SELECT * FROM members ORDER BY name').toArray();
}

export function names(sql: SqlStorage): string[] {
  const found: string[] = [];
  // Who posts most comes first.
  for (const [name] of sql.exec('SELECT name FROM members ORDER BY posts DESC, name').raw()) {
    found.push(String(name));
  }
  return found;
}
