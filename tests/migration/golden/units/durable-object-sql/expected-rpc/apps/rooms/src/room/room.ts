import { DurableObject } from 'cloudflare:workers';
import { HttpError, json, readJson } from '@shared/utils';
import type { Env } from '../env';
import { join, members, names } from './members';
import { createTables } from './schema';
import type { Message } from './types';
import type { RoomsRpc } from '../platform-rpc';

interface Post {
  author: string;
  text: string;
  at: string;
  score?: number | null;
}

/** One room: who is in it, and what was said. */
export class Room extends DurableObject<Env> {
  private readonly sql: RoomsRpc;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = env.PLATFORM;
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
        return json(await join(this.sql, name, colour ?? null, at), 201);
      }
      case 'members':
        return json({ members: await members(this.sql), names: await names(this.sql) });
      case 'post': {
        const post = await readJson<Post>(request);
        try {
          return json({ id: await this.post(post) }, 201);
        } catch (error) {
          if (error instanceof Error && error.message.includes('constraint failed')) {
            throw new HttpError(409, `${post.author} cannot post this`);
          }
          throw error;
        }
      }
      case 'list':
        return json(await this.list(Number(query.get('after') ?? 0)));
      case 'edit': {
        const { id, text, at } = await readJson<{ id: number; text: string; at: string }>(request);
        const edited = await this.edit(id, text, at);
        if (edited === null) {
          throw new HttpError(404, `no message ${id}`);
        }
        return json(edited);
      }
      case 'remove':
        return json({ removed: await this.remove(Number(query.get('id'))) });
      case 'stats':
        return json(await this.stats());
      default:
        throw new HttpError(404, `there is no rooms/${action}`);
    }
  }

  /** Stores a message and counts it, both or neither. */
  private async post({ author, text, at, score }: Post): Promise<number> {
    return await this.env.PLATFORM.post(author, text, at, score);
  }

  private async list(after: number): Promise<Message[]> {
    return await this.sql.listMessages<Message>(after);
  }

  private async edit(id: number, text: string, at: string): Promise<Message | null> {
    const [message] = await this.sql.updateMessage<Message>(text, at, id);
    return message ?? null;
  }

  private async remove(id: number): Promise<number> {
    return await this.env.PLATFORM.deleteMessage(id);
  }

  private async stats(): Promise<{ messages: number; mean: number | null }> {
    return await this.sql.findMessage<{ messages: number; mean: number | null }>();
  }
}
