import type { Call } from '../play.ts';

/** A few visits: the second of a page breaks UNIQUE, the fourth of all breaks CHECK and must be undone. */
export function* calls(seed: number): Iterable<Call> {
  for (const page of ['a', 'ü', 'a', null, 'c', `d${seed}`]) {
    yield { method: 'PUT', path: '/', body: { page, note: page === 'ü' ? 'two' : null } };
    yield { method: 'POST', path: '/', body: {} };
  }
}
