import { HttpError, json, readJson } from '@shared/utils';
import { links } from '@/store';
import { slugOf } from '~lib/slug';
import { pick } from './lib';
import { stats } from './lib/stats';
import type { Env, Link } from './types';

export type { Link } from '@/types';

/** Answers one request. */
export async function route(request: Request, env: Env): Promise<Response> {
  const url = new URL(request.url);
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /':
      return home(env);
    case 'POST /api/links/add':
      return json(await add(request), 201);
    case 'GET /api/links/list':
      return json(links.all());
    case 'GET /api/links/stats':
      return json(stats(links.all()));
    default:
      return follow(url.pathname.slice(1));
  }
}

async function home(env: Env): Promise<Response> {
  // Loaded when it is asked for: most requests follow a link.
  const { render } = await import('./pages/render');
  return new Response(render(env.BASE_URL, links.all()), { headers: { 'content-type': 'text/html' } });
}

async function add(request: Request): Promise<Link> {
  const { target, name } = await readJson<{ target: string; name?: string }>(request);
  return links.add(name === undefined ? pick(links.all().length) : slugOf(name), target);
}

function follow(name: string): Response {
  const link = links.click(name);
  if (link === null) {
    throw new HttpError(410, `no link ${name} any more`);
  }
  return Response.redirect(link.target, 302);
}
