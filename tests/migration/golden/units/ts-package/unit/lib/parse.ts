import { slug } from '@vendor/text';
import { field } from './cron/field';
import type { Moment, Schedule } from './types';

/** Returns the schedule in a line such as `5 * backup`: minute, hour, name. */
export default function parse(line: string): Schedule {
  const [minute = '*', hour = '*', ...name] = line.trim().split(/\s+/);
  const [minutes, hours] = [field(minute, 59), field(hour, 23)];
  return {
    name: slug(name.join(' ')),
    matches: (moment: Moment) => minutes.has(moment.minute) && hours.has(moment.hour),
  };
}
