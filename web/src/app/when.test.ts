import { expect, test } from 'vitest'
import { momentFormat } from './when.ts'

test.each([
  [new Date(2026, 10, 3, 9, 5), '09:05'],
  [new Date(2026, 10, 2, 23, 59), '2 Nov, 23:59'],
  [new Date(2025, 10, 3, 10, 0), '3 Nov 2025, 10:00'],
])('%s', (at, text) => {
  const format = new Intl.DateTimeFormat('en-GB', momentFormat(at, new Date(2026, 10, 3, 10, 0)))
  expect(format.format(at)).toBe(text)
})
