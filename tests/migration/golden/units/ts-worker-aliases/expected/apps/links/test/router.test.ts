import { describe, expect, it, vi } from 'vitest';
import { route } from '../src/router';
import { slugOf } from '../src/lib/slug';

vi.mock('~lib/slug', () => ({ slugOf: vi.fn(() => 'fixed') }));
vi.mock('../src/lib/pick', async () => ({
  ...(await vi.importActual<typeof import('../src/lib/pick')>('../src/lib/pick')),
}));

describe('route', () => {
  it('adds a link', async () => {
    const request = new Request('http://x/api/links/add', {
      method: 'POST',
      body: JSON.stringify({ target: 'https://example.com', name: 'A name' }),
    });
    const response = await route(request, { BASE_URL: 'http://x' });
    expect(response.status).toBe(201);
    expect(slugOf).toHaveBeenCalledWith('A name');
  });
});
