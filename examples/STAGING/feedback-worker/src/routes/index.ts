import type { Handler } from './handler';
import { list, report, submit, summary } from './feedback';
import { check } from './health';

export type { Handler, Reply } from './handler';

export const routes: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['POST /api/feedback/submit', submit],
  ['GET /api/feedback/list', list],
  ['GET /api/feedback/summary', summary],
  ['GET /api/feedback/report', report],
  ['GET /api/health/check', check],
]);
