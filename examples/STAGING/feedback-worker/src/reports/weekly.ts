import { startOfDay } from '../../../utils/time';
import type { FeedbackStore } from '../../lib/store';

type Stored = import('@vendor/contracts').StoredFeedback;

const DAYS = 7;

/** Returns the feedback of the last seven days as a Markdown list, the newest first. */
export function weeklyReport(store: FeedbackStore, now: Date): string {
  const since = startOfDay(new Date(now.getTime() - (DAYS - 1) * 86_400_000));
  const lines = store.newest(null).filter((entry) => new Date(entry.createdAt) >= since).map(line);
  return [`# Feedback since ${since.toISOString().slice(0, 10)}`, '', ...lines].join('\n');
}

function line(entry: Stored): string {
  return `- **${entry.subject}** ${'★'.repeat(entry.rating)}: ${entry.notes || 'no notes'}`;
}
