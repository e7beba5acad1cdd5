export { HttpError, readJson, sendJson } from './http';
export { createLogger, type Logger } from './log';
export { startOfDay, toIso } from './time';
