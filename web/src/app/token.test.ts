import { expect, test, vi } from 'vitest'
import { takeToken } from './token.ts'

test('a link’s token is taken out of the address', () => {
  const replaceState = vi.fn()
  expect(takeToken({ location: { hash: '#s3cret-_', pathname: '/confirm-email' }, history: { replaceState } })).toBe('s3cret-_')
  expect(replaceState).toHaveBeenCalledExactlyOnceWith(null, '', '/confirm-email')
})

test('an address without one stays as it is', () => {
  const replaceState = vi.fn()
  expect(takeToken({ location: { hash: '', pathname: '/reset-password' }, history: { replaceState } })).toBe('')
  expect(replaceState).not.toHaveBeenCalled()
})
