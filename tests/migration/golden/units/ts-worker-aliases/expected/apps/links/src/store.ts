import type { Link } from '@/types';

/** The links, while the worker lives. */
class Links {
  private readonly byName = new Map<string, Link>();

  all(): Link[] {
    return [...this.byName.values()];
  }

  add(name: string, target: string): Link {
    const link = { name, target, clicks: 0 };
    this.byName.set(name, link);
    return link;
  }

  click(name: string): Link | null {
    const link = this.byName.get(name) ?? null;
    if (link !== null) {
      link.clicks += 1;
    }
    return link;
  }
}

export const links = new Links();
