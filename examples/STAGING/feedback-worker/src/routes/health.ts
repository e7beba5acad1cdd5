import type { Handler } from './handler';

export const check: Handler = () => ({ status: 200, body: { ok: true } });
