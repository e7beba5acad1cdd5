/** Returns the numbers that one field of a cron line means. */
export function field(text: string, highest: number): Set<number> {
  if (text === '*') {
    return new Set(Array.from({ length: highest + 1 }, (_, number) => number));
  }
  return new Set(text.split(',').flatMap(range));
}

function range(part: string): number[] {
  const [span = '', step = '1'] = part.split('/');
  const [first = 0, last = first] = span.split('-').map(Number);
  return Array.from({ length: Math.floor((last - first) / Number(step)) + 1 }, (_, index) => first + index * Number(step));
}
