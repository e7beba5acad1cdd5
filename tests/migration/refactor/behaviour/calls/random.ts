// A seeded source of choices, so that a sequence of calls is the same on every machine.

export class Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Returns a whole number from 0 up to, not including, the limit. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  one<T>(among: readonly T[]): T {
    return among[this.below(among.length)] as T;
  }

  /** Returns an instant of 2026, later the higher the step. */
  at(step: number): string {
    return new Date(Date.UTC(2026, 0, 1) + step * 3_600_000).toISOString();
  }
}

/** Texts that break what is careless with quotes, length, NUL, surrogates or case. */
export const TEXTS = [
  'plain', "O'Brien; DROP TABLE items;--", 'say "hi"', 'Grüße aus Åland', '日本語', '😀👩‍👩‍👧', '', ' ', '%_%', '?1', 'line\nbreak\ttab', '\u0001',
  'x'.repeat(2000), 'NULL', '0', '-1e3',
] as const;

/** Whole numbers at the edges: what 32 bits hold, what a double holds exactly, and what it only comes near. */
export const INTEGERS = [0, 1, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, 2 ** 60] as const;
