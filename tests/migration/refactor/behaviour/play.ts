// Plays sequences of calls to one worker and writes down, as JSON, what came back and all tables at the end.
// node --import ./hooks.mjs play.ts PART.json ANSWERS.json
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { D1Shim } from './shims/d1.ts';
import { NamespaceShim } from './shims/durable-object.ts';
import { bindingTo } from './shims/rpc.ts';
import { dump, statementsOf } from './shims/sqlite.ts';

/** A call as the sequences write it: a method, a path, and a body that is sent as JSON. */
export interface Call {
  method: string;
  path: string;
  body?: unknown;
}

/** One worker in its tree, as `playing.py` asks for it; every path is absolute. */
interface Part {
  /** Whether the worker may use databases of its own: before the refactoring, or where that left work for a person. */
  hasLocal: boolean;
  /** The worker's main module, as its wrangler file names it. */
  main: string;
  /** Exports `calls(seed)`. */
  calls: string;
  seeds: number[];
  /** The worker's own D1 database: its binding and the folder of its migrations. */
  d1: { binding: string; migrations: string } | null;
  /** Binding of a Durable Object namespace to the exported class. */
  objects: Record<string, string>;
  /** Service bindings to entrypoints, and where the database of each has its migrations. */
  services: Record<string, { main: string; entrypoint: string; database: string; migrations: string }>;
}

const parts = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Part[];
const shared = (await import('cloudflare:workers' as string)) as { env: Record<string, unknown> };
const bun = (await import('./shims/bun-sqlite.ts')) as { opened: Map<string, import('node:sqlite').DatabaseSync>; allow(yes: boolean): void };
const modules = new Map<string, Record<string, unknown>>();
/** A promise that nobody waited for and that failed: a forgotten await. */
const unhandled: string[] = [];
process.on('unhandledRejection', (error) => unhandled.push(error instanceof Error ? error.message : String(error)));

const played = [];
for (const part of parts) {
  try {
    const runs = [];
    for (const seed of part.seeds) {
      runs.push(await play(part, seed));
    }
    played.push({ runs });
  } catch (error) {
    played.push({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
writeFileSync(process.argv[3] ?? '', JSON.stringify(played, tagged));

async function play(part: Part, seed: number): Promise<object> {
  const { calls } = (await import(pathToFileURL(part.calls).href)) as { calls(seed: number): Iterable<Call> };
  bun.opened.clear();
  bun.allow(part.hasLocal);
  const databases: Record<string, () => object> = {};
  const env: Record<string, unknown> = shared.env;
  for (const name of Object.keys(env)) {
    delete env[name];
  }
  if (part.d1 !== null) {
    const d1 = migrated(part.d1.migrations);
    env[part.d1.binding] = d1;
    databases[part.d1.binding] = () => dump(d1.database);
  }
  for (const [binding, service] of Object.entries(part.services)) {
    const d1 = migrated(service.migrations);
    const type = (await load(service.main))[service.entrypoint] as (new (ctx: unknown, env: unknown) => object) | undefined;
    if (type === undefined) {
      throw new Error(`${service.main} exports no ${service.entrypoint}`);
    }
    env[binding] = bindingTo(new type({ waitUntil: () => {} }, { [service.database]: d1 }));
    databases[binding] = () => dump(d1.database);
  }
  const worker = await load(`${part.main}?seed=${seed}`);
  for (const [binding, name] of Object.entries(part.objects)) {
    const namespace = new NamespaceShim(worker[name] as ConstructorParameters<typeof NamespaceShim>[0], env, part.hasLocal);
    env[binding] = namespace;
    databases[binding] = () => Object.fromEntries([...namespace.objects].map(([key, { storage }]) => [key, dump(storage.database)]));
  }
  const handler = worker.default as { fetch(request: Request, env: unknown, ctx: unknown): Promise<Response> | Response };
  const answers = [];
  for (const call of calls(seed)) {
    answers.push(await answer(call, (request) => handler.fetch(request, env, { waitUntil: () => {} })));
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const message of unhandled.splice(0)) {
    answers.push({ unhandled: message });
  }
  for (const [file, database] of bun.opened) {
    databases[`file ${file}`] = () => dump(database);
  }
  return { seed, answers, tables: Object.fromEntries(Object.entries(databases).map(([name, read]) => [name, read()])) };
}

async function answer(call: Call, fetch: (request: Request) => Promise<Response> | Response): Promise<object> {
  const { method, path, body } = call;
  const request = new Request(`http://worker.test${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  try {
    const response = await fetch(request);
    return { call, status: response.status, type: response.headers.get('content-type'), body: await response.text() };
  } catch (error) {
    return { call, threw: error instanceof Error ? error.message : `no Error: ${String(error)}` };
  }
}

/** A worker's module is loaded anew for each seed, since it may hold state; node keeps one module for each query. */
async function load(path: string): Promise<Record<string, unknown>> {
  const [file = '', query] = path.split('?');
  const key = query === undefined ? file : path;
  const url = pathToFileURL(file);
  url.search = query ?? '';
  const loaded = modules.get(key) ?? ((await import(url.href)) as Record<string, unknown>);
  modules.set(key, loaded);
  return loaded;
}

function migrated(folder: string): D1Shim {
  const d1 = new D1Shim();
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.sql')).sort()) {
    for (const statement of statementsOf(readFileSync(join(folder, name), 'utf8'))) {
      d1.database.exec(statement);
    }
  }
  return d1;
}

/** JSON with what it lacks: integers beyond 2^53 and bytes are tagged, so that they compare. */
function tagged(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') {
    return Number.isSafeInteger(Number(value)) ? Number(value) : { integer: String(value) };
  }
  return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('hex') } : value;
}
