import type { Call } from '../play.ts';
import { Choices, INTEGERS, TEXTS } from './random.ts';

const BINS = ['A1', 'B2', 'Ü-3'];
const SKUS = ['bolt', 'nut', '日本', "it's"];

/** Bins, items and moves: what works, what breaks each constraint, and 120 calls by chance. */
export function* calls(seed: number): Iterable<Call> {
  const api = (method: string, path: string, body?: unknown): Call => ({ method, path: `/api/inventory/${path}`, body });
  yield api('GET', 'bins');
  yield api('GET', 'totals');
  yield api('GET', 'item?sku=none');
  for (const [index, code] of BINS.entries()) {
    yield api('POST', 'bin', { code, capacity: 10 + index, label: index === 0 ? null : TEXTS[index] });
  }
  yield api('POST', 'bin', { code: 'A1', capacity: 1, label: null }); // there already
  yield api('POST', 'bin', { code: 'C4', capacity: 0, label: null }); // CHECK
  yield api('GET', 'bins');
  for (const [index, sku] of SKUS.entries()) {
    yield api('POST', 'item', { sku, title: TEXTS[index + 1], bin: BINS[index % 3], quantity: 5, serial: INTEGERS[index] });
  }
  yield api('POST', 'item', { sku: 'bolt', title: 'again', bin: 'A1', quantity: 1, serial: null }); // UNIQUE
  yield api('POST', 'item', { sku: 'lost', title: 'x', bin: 'nowhere', quantity: 1, serial: null }); // FOREIGN KEY
  for (const serial of INTEGERS) {
    yield api('POST', 'item', { sku: `s${serial}`, title: 'number', bin: 'A1', quantity: 0, serial });
    yield api('GET', `item?sku=s${serial}`);
  }
  yield api('POST', 'transfer?sku=bolt', { to: 'nut', quantity: 5, at: '2026-01-01T00:00:00Z' });
  yield api('POST', 'transfer?sku=bolt', { to: 'nut', quantity: 1, at: '2026-01-01T00:00:01Z' }); // none left: undone
  yield api('GET', 'moves?sku=nut');
  for (const bytes of [[], [0], [0, 255, 128, 10, 13]]) {
    yield api('POST', 'photo?sku=nut', { bytes });
    yield api('GET', 'item?sku=nut');
  }
  yield api('POST', 'photo?sku=none', { bytes: [1] });
  yield api('PUT', 'nothing');
  const choices = new Choices(seed);
  for (let step = 0; step < 120; step++) {
    yield byChance(choices, step, api);
  }
  yield api('DELETE', 'moves?before=2026-01-03');
  yield api('GET', 'totals');
}

function byChance(choices: Choices, step: number, api: (method: string, path: string, body?: unknown) => Call): Call {
  const sku = choices.one(SKUS);
  const named = `sku=${encodeURIComponent(sku)}`;
  switch (choices.below(10)) {
    case 0:
      return api('POST', 'item', { sku, title: choices.one(TEXTS), bin: choices.one(BINS), quantity: choices.below(9), serial: choices.one([null, ...INTEGERS]) });
    case 1:
      return choices.below(4) === 0 ? api('DELETE', `item?${named}`) : api('GET', `item?${named}`);
    case 2:
    case 3:
      return api('POST', `transfer?${named}`, { to: choices.one(SKUS), quantity: choices.below(6), at: choices.at(step) });
    case 4:
      return api('POST', `rename?${named}`, { title: choices.one(TEXTS) });
    case 5:
    case 6:
      return api('POST', `move?${named}`, { quantity: choices.below(5) - 2, reason: choices.one([null, ...TEXTS]), at: choices.at(step) });
    case 7:
      return api('GET', `moves?${named}`);
    case 8:
      return api('GET', `items?bin=${encodeURIComponent(choices.one(BINS))}`);
    default:
      return choices.below(6) === 0 ? api('DELETE', `moves?before=${choices.at(step - 20)}`) : api('GET', 'totals');
  }
}
