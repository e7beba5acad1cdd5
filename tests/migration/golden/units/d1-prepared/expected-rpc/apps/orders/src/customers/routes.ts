import { HttpError, json, readJson } from '@shared/utils';
import type { Env } from '../env';
import { isConstraint, wholeNumber } from '../shared/request';
import { CustomerStore } from './store';

export async function customers(action: string, request: Request, url: URL, env: Env): Promise<Response> {
  const store = new CustomerStore(env.ORCHESTRATOR);
  switch (action) {
    case 'add': {
      const { email, name, nickname } = await readJson<{ email: string; name: string; nickname?: string }>(request);
      try {
        return json({ id: await store.add(email, name, nickname ?? null) }, 201);
      } catch (error) {
        if (isConstraint(error, 'UNIQUE')) {
          throw new HttpError(409, `${email} is known already`);
        }
        throw error;
      }
    }
    case 'find': {
      const customer = await store.find(url.searchParams.get('email') ?? '');
      if (customer === null) {
        throw new HttpError(404, 'no such customer');
      }
      return json(customer);
    }
    case 'avatar': {
      const id = wholeNumber(url.searchParams.get('id'), 'id');
      if (request.method === 'GET') {
        return json({ bytes: await store.avatar(id) });
      }
      const { bytes } = await readJson<{ bytes: number[] }>(request);
      return json({ stored: await store.setAvatar(id, Uint8Array.from(bytes).buffer) });
    }
    case 'remove':
      return json({ removed: await store.remove(wholeNumber(url.searchParams.get('id'), 'id')) });
    default:
      throw new HttpError(404, `there is no customers/${action}`);
  }
}
