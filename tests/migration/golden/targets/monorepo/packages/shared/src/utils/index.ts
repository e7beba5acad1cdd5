export { HttpError, json, readJson } from './http';
export { slug } from './text';
