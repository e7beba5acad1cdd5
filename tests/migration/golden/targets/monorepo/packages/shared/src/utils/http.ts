import type { Problem } from '../contracts';

/** An error whose message the caller may see, with the HTTP status that goes with it. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  toResponse(): Response {
    const problem: Problem = { error: this.message };
    return json(problem, this.status);
  }
}

/** Returns a JSON response. */
export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8' },
  });
}

/** Returns the request's body, or throws a 400. */
export async function readJson<T>(request: Request): Promise<T> {
  try {
    return (await request.json()) as T;
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
}
