import type { Call } from '../play.ts';

/** One request: the worker does one thing. */
export function* calls(): Iterable<Call> {
  yield { method: 'GET', path: '/' };
}
