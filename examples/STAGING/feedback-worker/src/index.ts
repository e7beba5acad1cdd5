// Starts the worker: reads the settings, opens the store, serves until it is told to stop.
import { createLogger } from '../../utils';
import { FeedbackStore } from '../lib/store';
import { createApp } from './server';

const log = createLogger('feedback-worker');
const port = Number(process.env.PORT ?? 8787);
const store = FeedbackStore.open(process.env.FEEDBACK_DB ?? 'feedback.db');
const server = createApp(store, log).listen(port, () => log.info(`listening on ${port}`));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    log.info(`${signal}: closing`);
    server.close(() => store.close());
  });
}
