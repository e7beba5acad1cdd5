interface Env {
  DB: D1Database;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { page, note } = (await request.json()) as { page: string; note: string | null };
    if (request.method === 'PUT') {
      await env.DB.batch([
        env.DB.prepare('INSERT INTO visits (page, count, note) VALUES (?, 0, ?)').bind(page, note),
        env.DB.prepare('UPDATE visits SET count = count + 1').bind(),
      ]);
    }
    const { results } = await env.DB.prepare('SELECT page, count, note FROM visits ORDER BY page').all();
    return Response.json(results);
  },
};
