/** What the apps tell each other about feedback. */
export type Rating = 1 | 2 | 3 | 4 | 5;

export interface Feedback {
  subject: string;
  rating: Rating;
  notes: string;
}

export interface StoredFeedback extends Feedback {
  id: number;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export interface SubjectSummary {
  subject: string;
  count: number;
  mean: number;
}
