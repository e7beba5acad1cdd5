import assert from 'node:assert/strict';
import test from 'node:test';
import { field } from '../lib/cron/field.ts';
import { isHoliday } from '../lib/cron';

test('a range has both of its ends', () => {
  assert.deepEqual([...field('1-3', 59)], [1, 2, 3]);
});

test('new year is a holiday', () => {
  assert.equal(isHoliday('2026-01-01'), true);
});
