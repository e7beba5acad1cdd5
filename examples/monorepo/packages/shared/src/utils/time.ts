/** Returns midnight (UTC) of the instant's day. */
export function startOfDay(instant: Date): Date {
  return new Date(Date.UTC(instant.getUTCFullYear(), instant.getUTCMonth(), instant.getUTCDate()));
}

export function toIso(instant: Date): string {
  return instant.toISOString();
}
