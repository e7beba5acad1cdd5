import manifest from '../package.json' with { type: 'json' };
import { parse } from './index';

/** Returns what the command prints. */
export function main(args: readonly string[]): string {
  return args.length === 0 ? `${manifest.name} ${manifest.version}` : args.map((line) => parse(line).name).join('\n');
}
