/** An answer that tells what went wrong. */
export interface Problem {
  error: string;
}
