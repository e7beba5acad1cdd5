import { HttpError } from '@shared/utils';
import type { Env } from './env';

export { Room } from './room/room';

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    if (!url.pathname.startsWith('/api/rooms/')) {
      return new HttpError(404, `there is no ${url.pathname}`).toResponse();
    }
    const room = env.ROOM.get(env.ROOM.idFromName(url.searchParams.get('room') ?? 'main'));
    return room.fetch(request);
  },
};
