import { WorkerEntrypoint } from 'cloudflare:workers';
import type { Env } from './env';

/** What every RPC entrypoint of the platform extends. */
export abstract class BaseWorkerEntrypoint extends WorkerEntrypoint<Env> {}
