import { expect, test } from 'vitest'
import { ApiError } from '../api/client.ts'
import texts from '../../messages/en/app.json'
import { saidOf } from './problems.ts'

test.each([
  'device_offline', 'device_not_found', 'device_name_empty', 'characters', 'too_long', 'unknown_time_zone', 'value_range', 'value_label', 'value_text', 'value_single',
  'value_separator', 'not_owner',
])('%s has words of its own', (code) => {
  const { key } = saidOf(new ApiError(422, code))
  expect(key).toBe(`app.problem.${code}`)
  expect(Object.keys(texts)).toContain(key)
})

test('what is no matter of devices has the words that all pages share', () => {
  expect(saidOf(new ApiError(0, 'unreachable')).key).toBe('common.account.problem.unreachable')
  expect(saidOf(new ApiError(500, 'internal')).key).toBe('common.account.problem.unknown')
  expect(() => saidOf(new TypeError('x'))).toThrow(TypeError)
})
