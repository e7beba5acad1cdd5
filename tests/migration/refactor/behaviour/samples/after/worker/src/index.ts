import type { Visits } from '../../orchestrator/src/index';

interface Env {
  ORCHESTRATOR: Service<Visits>;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { page, note } = (await request.json()) as { page: string; note: string | null };
    if (request.method === 'PUT') {
      await env.ORCHESTRATOR.addVisit(page, note);
    }
    return Response.json(await env.ORCHESTRATOR.listVisits());
  },
};
