import { WorkerEntrypoint } from 'cloudflare:workers';

interface Env {
  DB: D1Database;
}

interface Visit {
  page: string;
  count: number;
  note: string | null;
}

export class Visits extends WorkerEntrypoint<Env> {
  async addVisit(page: string, note: string | null): Promise<void> {
    await this.env.DB.batch([
      this.env.DB.prepare('INSERT INTO visits (page, count, note) VALUES (?, 0, ?)').bind(page, note),
      this.env.DB.prepare('UPDATE visits SET count = count + 1').bind(),
    ]);
  }

  async listVisits(): Promise<Visit[]> {
    const { results } = await this.env.DB.prepare('SELECT page, count, note FROM visits ORDER BY page').all<Visit>();
    return results;
  }
}
