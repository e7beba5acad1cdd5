const WORDS = ['amber', 'basil', 'cedar', 'delta', 'ember'] as const; // the first of words.txt

/** Returns the name for the link with this number. */
export function pick(number: number): string {
  return `${WORDS[number % WORDS.length]}-${number}`;
}
