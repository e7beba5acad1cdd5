/** Returns the numbers that one field of a cron line means. */
export function field(text: string, highest: number): Set<number> {
  if (text === '*') {
    return new Set(Array.from({ length: highest + 1 }, (_, number) => number));
  }
  return new Set(text.split(',').flatMap(range));
}

function range(part: string): number[] {
  const [first = 0, last = first] = part.split('-').map(Number);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
