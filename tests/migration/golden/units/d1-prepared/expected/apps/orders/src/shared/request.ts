import { HttpError } from '@shared/utils/http';

/** Returns a whole number from the query or the path, or throws a 400. */
export function wholeNumber(text: string | null, what: string): number {
  const value = Number(text);
  if (text === null || text === '' || !Number.isInteger(value)) {
    throw new HttpError(400, `${what} must be a whole number`);
  }
  return value;
}

/** Returns whether the error says that a UNIQUE, CHECK or FOREIGN KEY constraint failed. */
export function isConstraint(error: unknown, kind: 'UNIQUE' | 'CHECK' | 'FOREIGN KEY'): boolean {
  return error instanceof Error && error.message.includes(`${kind} constraint failed`);
}
