import type { Feedback, Rating } from '@vendor/contracts';
import { HttpError } from '../../utils/http';

/** Returns the body as feedback, or throws a 400 that says what is wrong with it. */
export function parseFeedback(body: unknown, hint: string): Feedback {
  if (typeof body !== 'object' || body === null) {
    throw new HttpError(400, hint);
  }
  const { subject, rating, notes } = body as Record<string, unknown>;
  if (typeof subject !== 'string' || subject.trim() === '') {
    throw new HttpError(400, 'subject must be a text');
  }
  if (!isRating(rating)) {
    throw new HttpError(400, 'rating must be a whole number from 1 to 5');
  }
  return { subject: subject.trim(), rating, notes: typeof notes === 'string' ? notes : '' };
}

function isRating(value: unknown): value is Rating {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 5;
}
