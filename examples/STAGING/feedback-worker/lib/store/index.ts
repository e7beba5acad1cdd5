export { openDatabase } from './database';
export { FeedbackStore } from './feedback-store';
