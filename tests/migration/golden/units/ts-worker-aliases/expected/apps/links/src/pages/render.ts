import page from './home.html';
import type { Link } from '../types';
import { escape } from '../lib/escape.js';

/** Where the words for new names come from; the page links to it. */
export const WORDS = new URL('../lib/words.txt', import.meta.url);

export function render(base: string, links: readonly Link[]): string {
  const items = links.map((link) => `<li><a href="/${escape(link.name)}">${escape(link.target)}</a></li>`);
  return page.replace('%base%', escape(base)).replace('%links%', items.join(''));
}
