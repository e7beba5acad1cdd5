import type { IncomingMessage } from 'node:http';
import type { FeedbackStore } from '../../lib/store';

/** What a handler gets: the request, its parsed address, and the store. */
export interface Call {
  request: IncomingMessage;
  url: URL;
  store: FeedbackStore;
}

export interface Reply {
  status: number;
  body: unknown;
}

export type Handler = (call: Call) => Reply | Promise<Reply>;
