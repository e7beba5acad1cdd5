import { createServer, type Server } from 'node:http';
import { HttpError, sendJson } from '../../utils/http';
import type { Logger } from '../../utils';
import type { FeedbackStore } from '../lib/store/index.js';
import { routes } from './routes';

/** Returns the HTTP server; the caller makes it listen. */
export function createApp(store: FeedbackStore, log: Logger): Server {
  return createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    try {
      const handler = routes.get(`${request.method} ${url.pathname}`);
      if (handler === undefined) {
        throw new HttpError(404, `there is no ${request.method} ${url.pathname}`);
      }
      const { status, body } = await handler({ request, url, store });
      sendJson(response, status, body);
    } catch (error) {
      const known = error instanceof HttpError;
      if (!known) {
        log.error(String(error));
      }
      sendJson(response, known ? error.status : 500, { error: known ? error.message : 'internal error' });
    }
  });
}
