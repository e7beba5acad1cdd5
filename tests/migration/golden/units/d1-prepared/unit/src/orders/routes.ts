import { HttpError, json, readJson } from '../../../demo-utils';
import type { Env } from '../env';
import { isConstraint, wholeNumber } from '../lib/request';
import { listItems, putItem, type Item } from './items';
import { countOrders, csv, revenue } from './reports';
import { advance, annotate, cancelOpen, findOrder, listOrders, placeOrder } from './store';
import type { NewOrder, Status } from './types';

export async function orders(action: string, request: Request, url: URL, env: Env): Promise<Response> {
  const query = url.searchParams;
  switch (action) {
    case 'place':
      return json({ id: await place(env, await readJson<NewOrder>(request)) }, 201);
    case 'find': {
      const order = await findOrder(env, wholeNumber(query.get('id'), 'id'));
      return order === null ? new HttpError(404, 'no such order').toResponse() : json(order);
    }
    case 'list': {
      const customer = query.get('customer');
      return json(await listOrders(env, customer === null ? null : wholeNumber(customer, 'customer'), 50));
    }
    case 'advance': {
      const { id, from, to } = await readJson<{ id: number; from: Status; to: Status }>(request);
      return json(await advance(env, id, from, to));
    }
    case 'annotate': {
      const { id, note } = await readJson<{ id: number; note: string | null }>(request);
      return json({ changed: await annotate(env, id, note) });
    }
    case 'cancel':
      return json({ cancelled: await cancelOpen(env, wholeNumber(query.get('customer'), 'customer')) });
    case 'items':
      return request.method === 'GET'
        ? json(await listItems(env, query.get('search') ?? ''))
        : json(await putItem(env, await readJson<Item>(request)), 201);
    case 'revenue':
      return json({ currency: env.CURRENCY ?? 'EUR', open: await countOrders(env, 'open'), items: await revenue(env) });
    case 'csv':
      return new Response(await csv(env), { headers: { 'content-type': 'text/csv' } });
    default:
      throw new HttpError(404, `there is no orders/${action}`);
  }
}

async function place(env: Env, order: NewOrder): Promise<number> {
  try {
    return await placeOrder(env, order);
  } catch (error) {
    if (isConstraint(error, 'CHECK')) {
      throw new HttpError(409, 'not that many in stock');
    }
    if (isConstraint(error, 'FOREIGN KEY')) {
      throw new HttpError(404, 'no such customer or item');
    }
    throw error;
  }
}
