import { describe, expect, test } from 'vitest'
import { ApiError } from '../api/client.ts'
import texts from '../../messages/en/wizard.json'
import { fieldOf, saidOf } from './problems.ts'

describe('a refusal', () => {
  test.each(['wrong_credentials', 'email_taken', 'email_invalid', 'password_short', 'password_long', 'sign_in_limit', 'sign_up_limit', 'mail_limit', 'passwords_busy', 'unreachable', 'link_expired', 'mail_unavailable', 'wrong_password', 'already_confirmed', 'last_maker'])('%s has words of its own', (code) => {
    const { key } = saidOf(new ApiError(422, code))
    expect(key).toBe(`common.account.problem.${code}`)
    expect(Object.keys(texts)).toContain(key)
  })

  test('that nobody foresaw has words too', () => {
    expect(saidOf(new ApiError(500, 'toString')).key).toBe('common.account.problem.unknown')
    expect(Object.keys(texts)).toContain('common.account.problem.unknown')
  })

  test.each([[undefined, 1], [1, 1], [60, 1], [61, 2], [900, 15]])('to be repeated after %s seconds says %d minutes', (seconds, minutes) => {
    expect(saidOf(new ApiError(429, 'sign_in_limit', undefined, seconds)).params).toEqual({ minutes })
  })

  test('stands at the field that it is about', () => {
    expect(['email_taken', 'email_invalid', 'password_short', 'wrong_password', 'wrong_credentials', 'passwords_busy'].map((code) => fieldOf(new ApiError(422, code)))).toEqual(['email', 'email', 'password', 'password', null, null])
  })
})

test('a mistake of the page’s own is not passed off as a refusal', () => {
  expect(() => saidOf(new TypeError('x'))).toThrow(TypeError)
  expect(fieldOf(new TypeError('x'))).toBeNull()
})
