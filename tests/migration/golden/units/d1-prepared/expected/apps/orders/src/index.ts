import { HttpError } from '@shared/utils';
import { customers } from './customers/routes';
import type { Env } from './env';
import { orders } from './orders/routes';

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    const [, api, module, action = ''] = url.pathname.split('/');
    try {
      if (api === 'api' && module === 'customers') {
        return await customers(action, request, url, env);
      }
      if (api === 'api' && module === 'orders') {
        return await orders(action, request, url, env);
      }
      throw new HttpError(404, `there is no ${url.pathname}`);
    } catch (error) {
      if (error instanceof HttpError) {
        return error.toResponse();
      }
      throw error;
    }
  },
};
