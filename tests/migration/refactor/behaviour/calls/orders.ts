import type { Call } from '../play.ts';
import { Choices, INTEGERS, TEXTS } from './random.ts';

const EMAILS = ['a@x.test', 'b@x.test', 'ü@x.test', "o'brien@x.test"];
const SKUS = ['bolt', 'nut', 'Ω-1', "it's"];

/** Customers, stock and orders: what works, what breaks each constraint, and 120 calls by chance. */
export function* calls(seed: number): Iterable<Call> {
  const api = (path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST'): Call => ({ method, path: `/api/${path}`, body });
  yield api('orders/list');
  yield api('orders/revenue');
  yield api('orders/csv');
  yield api('orders/place', { customerId: 1, sku: 'bolt', quantity: 1, placedAt: '2026-01-01T00:00:00Z' }); // neither is there
  for (const email of EMAILS) {
    yield api('customers/add', { email, name: `Name of ${email}`, ...(email === 'a@x.test' ? { nickname: 'Ännchen' } : {}) });
  }
  yield api('customers/add', { email: 'a@x.test', name: 'again' }); // UNIQUE
  yield api('customers/add', { email: null, name: 'nobody' }); // NOT NULL, caught by nobody
  yield api('customers/find?email=a%40x.test');
  yield api('customers/find?email=nobody');
  for (const [index, sku] of SKUS.entries()) {
    yield api('orders/items', { sku, title: TEXTS[index], price: 10 ** index, stock: 5 });
  }
  yield api('orders/items', { sku: 'bolt', title: 'a better bolt', price: 7, stock: 2 }); // ON CONFLICT
  yield api('orders/items', { sku: 'free', title: 'x', price: -1, stock: 0 }); // CHECK, caught by nobody
  yield api('orders/place', { customerId: 1, sku: 'bolt', quantity: 7, placedAt: '2026-01-01T00:00:00Z', note: null, weight: 0.1 });
  yield api('orders/place', { customerId: 1, sku: 'bolt', quantity: 1, placedAt: '2026-01-01T00:00:01Z' }); // none left: undone
  yield api('orders/place', { customerId: 99, sku: 'nut', quantity: 1, placedAt: '2026-01-01T00:00:02Z' }); // the stock is given back
  yield api('orders/items?search=');
  for (const bytes of [[], [0], [0, 255, 128, 10, 13]]) {
    yield api('customers/avatar?id=1', { bytes });
    yield api('customers/avatar?id=1');
  }
  yield api('customers/avatar?id=2');
  yield api('customers/avatar?id=77');
  yield api('orders/find?id=x');
  yield api('nowhere/at/all');
  for (const price of INTEGERS) {
    yield api('orders/items', { sku: `p${price}`, title: 'number', price, stock: 0 });
  }
  const choices = new Choices(seed);
  for (let step = 0; step < 120; step++) {
    yield byChance(choices, step, api);
  }
  yield api('customers/remove?id=1'); // its orders go with it
  yield api('customers/remove?id=1');
  yield api('orders/list');
  yield api('orders/revenue');
  yield api('orders/csv');
}

function byChance(choices: Choices, step: number, api: (path: string, body?: unknown) => Call): Call {
  const id = 1 + choices.below(12);
  const customer = 1 + choices.below(5);
  switch (choices.below(10)) {
    case 0:
    case 1:
    case 2:
      return api('orders/place', {
        customerId: customer, sku: choices.one(SKUS), quantity: choices.below(4), placedAt: choices.at(step),
        note: choices.one([null, ...TEXTS]), weight: choices.one([null, 0, 0.5, 1e-7, 1e21]),
      });
    case 3:
      return api('orders/advance', { id, from: choices.one(['open', 'paid']), to: choices.one(['paid', 'sent']) });
    case 4:
      return api('orders/annotate', { id, note: choices.one([null, ...TEXTS]) });
    case 5:
      return api(`orders/list?customer=${customer}`);
    case 6:
      return api(`orders/find?id=${id}`);
    case 7:
      return api('orders/items', { sku: choices.one(SKUS), title: choices.one(TEXTS), price: choices.below(100), stock: choices.below(5) });
    case 8:
      return api(`orders/items?search=${encodeURIComponent(choices.one(['', '%', '_', 'a', 'Ü', "'"]))}`);
    default:
      return choices.below(3) === 0 ? api(`orders/cancel?customer=${customer}`) : api('orders/revenue');
  }
}
