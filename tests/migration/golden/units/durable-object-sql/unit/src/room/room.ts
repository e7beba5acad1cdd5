import { DurableObject } from 'cloudflare:workers';
import { HttpError, json, readJson } from '@vendor/kit';
import type { Env } from '../env';
import { join, members, names } from './members';
import { createTables } from './schema';
import type { Message } from './types';

interface Post {
  author: string;
  text: string;
  at: string;
  score?: number | null;
}

/** One room: who is in it, and what was said. */
export class Room extends DurableObject<Env> {
  private readonly sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    createTables(this.sql);
  }

  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const action = url.pathname.split('/')[3] ?? '';
    try {
      return await this.route(action, request, url.searchParams);
    } catch (error) {
      if (error instanceof HttpError) {
        return error.toResponse();
      }
      throw error;
    }
  }

  private async route(action: string, request: Request, query: URLSearchParams): Promise<Response> {
    switch (action) {
      case 'join': {
        const { name, colour, at } = await readJson<{ name: string; colour?: string; at: string }>(request);
        return json(join(this.sql, name, colour ?? null, at), 201);
      }
      case 'members':
        return json({ members: members(this.sql), names: names(this.sql) });
      case 'post': {
        const post = await readJson<Post>(request);
        try {
          return json({ id: this.post(post) }, 201);
        } catch (error) {
          if (error instanceof Error && error.message.includes('constraint failed')) {
            throw new HttpError(409, `${post.author} cannot post this`);
          }
          throw error;
        }
      }
      case 'list':
        return json(this.list(Number(query.get('after') ?? 0)));
      case 'edit': {
        const { id, text, at } = await readJson<{ id: number; text: string; at: string }>(request);
        const edited = this.edit(id, text, at);
        if (edited === null) {
          throw new HttpError(404, `no message ${id}`);
        }
        return json(edited);
      }
      case 'remove':
        return json({ removed: this.remove(Number(query.get('id'))) });
      case 'stats':
        return json(this.stats());
      default:
        throw new HttpError(404, `there is no rooms/${action}`);
    }
  }

  /** Stores a message and counts it, both or neither. */
  private post({ author, text, at, score }: Post): number {
    return this.ctx.storage.transactionSync(() => {
      this.sql.exec('UPDATE members SET posts = posts + 1 WHERE name = ?', author);
      const { id } = this.sql
        .exec<{ id: number }>(
          'INSERT INTO messages (author, text, at, score) VALUES (?, ?, ?, ?) RETURNING id',
          author,
          text,
          at,
          score ?? null,
        )
        .one();
      return id;
    });
  }

  private list(after: number): Message[] {
    return this.sql.exec<Message>('SELECT * FROM messages WHERE id > ? ORDER BY id LIMIT 100', after).toArray();
  }

  private edit(id: number, text: string, at: string): Message | null {
    const [message] = this.sql
      .exec<Message>('UPDATE messages SET text = ?, edited_at = ? WHERE id = ? RETURNING *', text, at, id)
      .toArray();
    return message ?? null;
  }

  private remove(id: number): number {
    return this.ctx.storage.sql.exec('DELETE FROM messages WHERE id = ?', id).rowsWritten;
  }

  private stats(): { messages: number; mean: number | null } {
    return this.sql
      .exec<{ messages: number; mean: number | null }>('SELECT COUNT(*) AS messages, AVG(score) AS mean FROM messages')
      .one();
  }
}
