import { HttpError, json, readJson } from '@shared/utils';
import { openDatabase } from './database';
import { conflict } from './lib/conflict';
import { BinStore, ItemStore, moves } from './store';
import type { Bin, NewItem } from './types';
import { env } from 'cloudflare:workers';

const db = openDatabase(env.ORCHESTRATOR);
const bins = new BinStore(db);
const items = new ItemStore(db);

export async function route(action: string, request: Request, query: URLSearchParams): Promise<Response> {
  const sku = query.get('sku') ?? '';
  switch (`${request.method} ${action}`) {
    case 'POST bin': {
      const bin = await readJson<Bin>(request);
      try {
        await bins.add(bin);
      } catch (error) {
        conflict(error, `bin ${bin.code} is there already, or holds nothing`);
      }
      return json(bin, 201);
    }
    case 'GET bins':
      return json(await bins.all());
    case 'POST item': {
      const item = await readJson<NewItem>(request);
      try {
        return json(await items.add(item), 201);
      } catch (error) {
        return conflict(error, `item ${item.sku} cannot be added`);
      }
    }
    case 'GET item': {
      const item = await items.find(sku);
      if (!item) {
        throw new HttpError(404, `no item ${sku}`);
      }
      return json({ ...item, photo: await items.hasPhoto(sku) });
    }
    case 'GET items':
      return json(await items.inBin(query.get('bin') ?? ''));
    case 'POST rename': {
      const { title } = await readJson<{ title: string }>(request);
      return json({ renamed: await items.rename(sku, title) });
    }
    case 'POST photo': {
      const { bytes } = await readJson<{ bytes: number[] }>(request);
      return json({ stored: await items.setPhoto(sku, Uint8Array.from(bytes)) });
    }
    case 'DELETE item':
      return json({ removed: await items.remove(sku) });
    case 'GET totals':
      return json(Object.fromEntries(await items.totals()));
    case 'POST transfer': {
      const { to, quantity, at } = await readJson<{ to: string; quantity: number; at: string }>(request);
      try {
        await items.transfer(sku, to, quantity, at);
      } catch (error) {
        conflict(error, `${sku} has no ${quantity} to give`);
      }
      return json({ from: (await items.find(sku))?.quantity ?? null, to: (await items.find(to))?.quantity ?? null });
    }
    case 'POST move': {
      const { quantity, reason, at } = await readJson<{ quantity: number; reason: string | null; at: string }>(request);
      return json({ id: await moves.record(db, sku, quantity, reason, at) }, 201);
    }
    case 'GET moves':
      return json(await moves.history(db, sku, 20));
    case 'DELETE moves':
      return json(await moves.forget(db, query.get('before') ?? ''));
    default:
      throw new HttpError(404, `there is no ${request.method} ${action}`);
  }
}
