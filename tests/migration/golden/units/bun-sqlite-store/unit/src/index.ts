import { HttpError } from '@demo/utils/http';
import { route } from './routes';

export default {
  port: Number(process.env.PORT ?? 3000),

  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, , , action = ''] = url.pathname.split('/');
    try {
      return await route(action, request, url.searchParams);
    } catch (error) {
      if (error instanceof HttpError) {
        return error.toResponse();
      }
      throw error;
    }
  },
};
