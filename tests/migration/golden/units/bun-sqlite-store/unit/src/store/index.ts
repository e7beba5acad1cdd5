export { BinStore } from './bins.js';
export { ItemStore } from './items.js';
export * as moves from './moves.js';
