// Traps for a careless rewriter: neither this comment's "import x from '../../../utils/http'" nor the hint below is code.
import { readJson } from '../../../utils/http';
import { parseFeedback } from '../../lib/rating';
import type { Handler } from './handler';

const HINT = "send JSON; import { sendJson } from '../../utils/http' shows how";

export const submit: Handler = async ({ request, store }) => {
  const feedback = parseFeedback(await readJson(request), HINT);
  return { status: 201, body: store.add(feedback, new Date()) };
};

export const list: Handler = ({ url, store }) => ({
  status: 200,
  body: store.newest(url.searchParams.get('subject')),
});

export const summary: Handler = ({ store }) => ({ status: 200, body: store.summary() });

export const report: Handler = async ({ store }) => {
  // Loaded when it is asked for: most calls never need it.
  const { weeklyReport } = await import('../reports/weekly');
  return { status: 200, body: { markdown: weeklyReport(store, new Date()) } };
};
