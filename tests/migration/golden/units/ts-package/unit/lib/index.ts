/// <reference path="../types/globals.d.ts" />
export * from './cron/index.js';
export { default as parse } from './parse';
export type { Moment, Schedule } from './types.js';

export const version: string = typeof SCHEDULE_VERSION === 'undefined' ? 'source' : SCHEDULE_VERSION;
