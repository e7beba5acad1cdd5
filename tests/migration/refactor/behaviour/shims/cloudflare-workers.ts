// The module `cloudflare:workers`: base classes, and the `env` that code outside of a handler may import.
export class WorkerEntrypoint<Env = unknown> {
  constructor(protected readonly ctx: unknown, protected readonly env: Env) {}
}

export class DurableObject<Env = unknown> {
  constructor(protected readonly ctx: unknown, protected readonly env: Env) {}
}

export class RpcTarget {}

/** Filled by the harness before the worker is loaded. */
export const env: Record<string, unknown> = {};
