// The rows of rooms: one method for each statement that its worker runs.
// Generated when the unit was migrated. To change a method, change it here and in the worker's contract
// file; the next migration of the unit merges what you changed with what it generates.
import { BaseWorkerEntrypoint } from '../base';

export type MemberRow = {
  name: string;
  joined_at: string;
  colour: string | null;
  posts: number;
};

export type MessageRow = {
  id: number;
  author: string;
  text: string;
  at: string;
  edited_at: string | null;
  score: number | null;
};

export type FindMessageRow = {
  messages: number;
  mean: number | null;
};

/** What rooms asks of the database, over RPC. */
export class RoomsEntrypoint extends BaseWorkerEntrypoint {
  async upsertMember<Row = MemberRow>(name: string, joinedAt: string, colour: string | null): Promise<Row> {
    const { results } = await this.env.DB.prepare(`
      INSERT INTO members (name, joined_at, colour) VALUES (?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET colour = excluded.colour
      RETURNING *
    `).bind(...orNull(name, joinedAt, colour)).all<Row>();
    const [row] = results;
    if (row === undefined || results.length > 1) {
      const found = row === undefined ? 'no results' : 'multiple results';
      throw new Error(`Expected exactly one result from SQL query, but got ${found}.`);
    }
    return row;
  }

  async listMembers<Row = MemberRow>(): Promise<Row[]> {
    const { results } = await this.env.DB.prepare('SELECT * FROM members ORDER BY name').all<Row>();
    return results;
  }

  async listMemberNames<Row = (string | number | ArrayBuffer | null)[]>(): Promise<Row[]> {
    return await this.env.DB.prepare('SELECT name FROM members ORDER BY posts DESC, name').raw<Row>();
  }

  async post(author: string, text: string, at: string, score: number | null | undefined): Promise<number> {
    const batch: D1PreparedStatement[] = [];
    batch.push(
      this.env.DB
        .prepare('UPDATE members SET posts = posts + 1 WHERE name = ?')
        .bind(...orNull(author)),
    );
    const at1 = batch.push(
      this.env.DB
        .prepare('INSERT INTO messages (author, text, at, score) VALUES (?, ?, ?, ?) RETURNING id')
        .bind(...orNull(author, text, at, score ?? null)),
    ) - 1;
    const results = await this.env.DB.batch<Record<string, unknown>>(batch);
    const { id } = (results[at1]!.results[0] as { id: number });
    return id;
  }

  async listMessages<Row = MessageRow>(id: number): Promise<Row[]> {
    const { results } = await this.env.DB
      .prepare('SELECT * FROM messages WHERE id > ? ORDER BY id LIMIT 100')
      .bind(...orNull(id))
      .all<Row>();
    return results;
  }

  async updateMessage<Row = MessageRow>(text: string, editedAt: string | null, id: number): Promise<Row[]> {
    const { results } = await this.env.DB
      .prepare('UPDATE messages SET text = ?, edited_at = ? WHERE id = ? RETURNING *')
      .bind(...orNull(text, editedAt, id))
      .all<Row>();
    return results;
  }

  async deleteMessage(id: number): Promise<number> {
    const { meta } = await this.env.DB.prepare('DELETE FROM messages WHERE id = ?').bind(...orNull(id)).run();
    return meta.rows_written;
  }

  async findMessage<Row = FindMessageRow>(): Promise<Row> {
    const { results } = await this.env.DB
      .prepare('SELECT COUNT(*) AS messages, AVG(score) AS mean FROM messages')
      .all<Row>();
    const [row] = results;
    if (row === undefined || results.length > 1) {
      const found = row === undefined ? 'no results' : 'multiple results';
      throw new Error(`Expected exactly one result from SQL query, but got ${found}.`);
    }
    return row;
  }
}

/** D1 refuses `undefined`, which the worker's own database took for NULL. */
function orNull(...values: unknown[]): unknown[] {
  return values.map((value) => value ?? null);
}
