export * from './slug.js';
export { pick } from './pick';
