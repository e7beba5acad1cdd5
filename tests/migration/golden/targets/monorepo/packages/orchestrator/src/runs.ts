import { BaseWorkerEntrypoint } from './base';

export interface Run {
  id: number;
  job: string;
  finished_at: string | null;
}

/** The platform's own runs. */
export class RunsEntrypoint extends BaseWorkerEntrypoint {
  async listRuns(job: string): Promise<Run[]> {
    const { results } = await this.env.DB.prepare('SELECT id, job, finished_at FROM runs WHERE job = ? ORDER BY id')
      .bind(job)
      .all<Run>();
    return results;
  }
}
