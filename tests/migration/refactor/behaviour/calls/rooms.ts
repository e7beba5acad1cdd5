import type { Call } from '../play.ts';
import { Choices, TEXTS } from './random.ts';

const NAMES = ['ann', 'Bo', 'Zoë', "o'brien"];

/** Members and messages of one room: what works, what breaks each constraint, and 120 calls by chance. */
export function* calls(seed: number): Iterable<Call> {
  const api = (path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST'): Call => ({ method, path: `/api/rooms/${path}`, body });
  yield api('list');
  yield api('stats');
  yield api('members');
  for (const [index, name] of NAMES.entries()) {
    yield api('join', { name, at: `2026-01-0${index + 1}T00:00:00Z`, ...(index === 1 ? { colour: '#00f' } : {}) });
  }
  yield api('join', { name: 'ann', colour: 'red', at: '2026-02-01T00:00:00Z' }); // known: another colour
  yield api('post', { author: 'ann', text: '', at: '2026-02-01T00:00:00Z' }); // CHECK: the count is undone
  yield api('post', { author: 'nobody', text: 'hello', at: '2026-02-01T00:00:00Z' }); // FOREIGN KEY
  yield api('post', { author: 'ann', text: 'hello' }); // at is missing: NOT NULL
  yield api('members');
  for (const score of [0, -0.5, 1e-9, 2 ** 53, null]) {
    yield api('post', { author: 'Bo', text: 'scored', at: '2026-02-02T00:00:00Z', score });
  }
  yield api('stats');
  yield api('edit', { id: 99, text: 'x', at: '2026-02-02T00:00:00Z' });
  yield api('edit', { id: 1, text: null, at: '2026-02-02T00:00:00Z' }); // NOT NULL, caught by nobody
  yield api('nothing');
  const choices = new Choices(seed);
  for (let step = 0; step < 120; step++) {
    yield byChance(choices, step, api);
  }
  yield api('members');
  yield api('list?after=3');
}

function byChance(choices: Choices, step: number, api: (path: string, body?: unknown) => Call): Call {
  const id = 1 + choices.below(20);
  switch (choices.below(8)) {
    case 0:
    case 1:
    case 2:
      return api('post', { author: choices.one(NAMES), text: choices.one(TEXTS), at: choices.at(step), score: choices.one([null, 1, 2.5]) });
    case 3:
      return api('edit', { id, text: choices.one(TEXTS), at: choices.at(step) });
    case 4:
      return api(`remove?id=${id}`);
    case 5:
      return api('join', { name: choices.one(NAMES), colour: choices.one(['red', 'Grün', '']), at: choices.at(step) });
    case 6:
      return api(choices.one(['stats', 'members']));
    default:
      return api(`list?after=${choices.below(30)}`);
  }
}
