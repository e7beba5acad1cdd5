import { slug } from '@shared/utils/text';

/** Returns a short name for a text; never empty. */
export function slugOf(text: string): string {
  return slug(text) || 'link';
}
