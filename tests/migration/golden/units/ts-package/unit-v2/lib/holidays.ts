import year2026 from './calendars/2026.json';
import year2027 from './calendars/2027.json';

type Parse = typeof import('./parse').default;
type Calendar = typeof import('./calendars/2026.json');

const CALENDARS: Record<string, Calendar> = { '2026': year2026, '2027': year2027 };

/** Returns whether nothing runs on a day (YYYY-MM-DD). */
export function isHoliday(day: string): boolean {
  return CALENDARS[day.slice(0, 4)]?.days.includes(day) ?? false;
}

/** Returns a parser whose schedules rest on holidays. */
export function resting(parse: Parse, today: string): Parse {
  return (line) => {
    const schedule = parse(line);
    return { ...schedule, matches: (moment) => !isHoliday(today) && schedule.matches(moment) };
  };
}
