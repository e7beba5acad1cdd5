import type { DatabaseSync } from 'node:sqlite';
import type { Feedback, StoredFeedback, SubjectSummary } from '@vendor/contracts';
import { toIso } from '../../../utils/time';
import { openDatabase } from './database';

const COLUMNS = 'id, subject, rating, notes, created_at AS createdAt';
const NEWEST = 50;

/** The feedback, kept in SQLite. */
export class FeedbackStore {
  static open(path: string): FeedbackStore {
    return new FeedbackStore(openDatabase(path));
  }

  private constructor(private readonly database: DatabaseSync) {}

  add(feedback: Feedback, now: Date): StoredFeedback {
    const createdAt = toIso(now);
    const { lastInsertRowid } = this.database
      .prepare('INSERT INTO feedback (subject, rating, notes, created_at) VALUES (?, ?, ?, ?)')
      .run(feedback.subject, feedback.rating, feedback.notes, createdAt);
    return { ...feedback, id: Number(lastInsertRowid), createdAt };
  }

  newest(subject: string | null): StoredFeedback[] {
    const rows = this.database
      .prepare(`SELECT ${COLUMNS} FROM feedback WHERE ?1 IS NULL OR subject = ?1 ORDER BY id DESC LIMIT ?2`)
      .all(subject, NEWEST);
    return rows as unknown as StoredFeedback[];
  }

  summary(): SubjectSummary[] {
    const rows = this.database
      .prepare('SELECT subject, COUNT(*) AS count, AVG(rating) AS mean FROM feedback GROUP BY subject ORDER BY subject')
      .all();
    return rows as unknown as SubjectSummary[];
  }

  close(): void {
    this.database.close();
  }
}
