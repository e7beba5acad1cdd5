export { BaseWorkerEntrypoint } from './base';
export { RunsEntrypoint, type Run } from './runs';

export default {
  fetch(): Response {
    return new Response('orchestrator', { status: 404 });
  },
};
export { OrdersEntrypoint } from './rpc/orders';
