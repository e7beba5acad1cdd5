import type { Link } from '../src/types';

/** Returns how often links were followed. */
export function stats(links: readonly Link[]): { links: number; clicks: number } {
  return { links: links.length, clicks: links.reduce((sum, link) => sum + link.clicks, 0) };
}
